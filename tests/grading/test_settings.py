"""nbgrader's configuration comes with the package, and knows the server's course and role."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hpcampus_grading.messages import CourseInfo
from hpcampus_grading.nbgrader_settings import configure
from hpcampus_grading.service.settings import Settings
from pydantic import ValidationError
from traitlets.config import Config

INSTALLED = Path(sys.prefix) / "etc" / "jupyter"
SHIPPED = Path(__file__).parents[2] / "grading" / "etc" / "jupyter"


@pytest.mark.parametrize("name", ["nbgrader_config.py", "jupyter_server_config.d/hpcampus_grading.json"])
def test_the_configuration_is_installed_with_the_package(name: str) -> None:
    assert (INSTALLED / name).read_bytes() == (SHIPPED / name).read_bytes()


def test_nbgrader_finds_it(tmp_path: Path) -> None:
    program = (
        "import json; from nbgrader.apps import NbGrader\n"
        "app = NbGrader(); app.load_config_file(); print(json.dumps(app.config))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True, check=True)
    shown = json.loads(done.stdout)
    assert shown["ExchangeFactory"]["submit"] == "hpcampus_grading.exchange.learner.ExchangeSubmit"
    assert shown["Autograde"]["autograde_preprocessors"][0] == "hpcampus_grading.preprocessors.SandboxExecute"


def test_instructors_work_on_the_course_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    course = tmp_path / "courses" / "sums"
    course.mkdir(parents=True)
    info = CourseInfo(slug="sums", title="Sums", role="instructor", libraries=("numpy",), assignments=())
    (course / "course.json").write_text(info.model_dump_json())
    for environment, here in (
        ({"CAMPUS_ROLE": "instructor", "CAMPUS_COURSE": "sums"}, tmp_path),
        ({"CAMPUS_ROLE": "instructor", "CAMPUS_COURSE": "another"}, course),
    ):
        config = Config()
        configure(config, environment, here)
        assert config.CourseDirectory.root == str(course)
        assert config.CourseDirectory.course_id == "sums"
        assert config.SandboxExecute.libraries == ["numpy"]
    config = Config()
    configure(config, {"CAMPUS_ROLE": "learner", "CAMPUS_COURSE": "sums"}, tmp_path)
    assert "CourseDirectory" not in config


def test_the_service_does_not_start_half_configured() -> None:
    with pytest.raises(ValidationError) as error:
        Settings.from_environment({"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:9"})
    missing = {str(entry["loc"][0]) for entry in error.value.errors()}
    assert missing == {"prefix", "service", "hub_api", "token", "database", "store", "courses"}
