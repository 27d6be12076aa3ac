"""What learners and instructors can do to grades and feedback beside forging scores."""

import ast
import base64
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.exchange.client import Client
from hpcampus_grading.gradebook import CourseGradebook
from hpcampus_grading.messages import CourseInfo, Grade
from hpcampus_grading.nbgrader_settings import configure
from hpcampus_grading.sandbox.answers import Failure
from hpcampus_grading.sandbox.cells import Cell, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.service.pair import PROCESSES
from nbformat.v4 import new_markdown_cell
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from tests.grading.conftest import (
    Service,
    StubHub,
    courses,
    database_url,
    hub,
    lesson,
    more_environment,
    postgres,
    service,
)
from tests.grading.test_grades import GRADES, grade
from tests.grading.test_parity import grade as autograde
from tests.grading.test_parity import settings
from tests.grading.test_service import SUBMIT, answer

__all__ = ["courses", "database_url", "hub", "more_environment", "postgres", "service"]

PACKAGE = Path(__file__).parents[2] / "grading" / "hpcampus_grading"
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.fixture
def ines(hub: StubHub) -> str:
    return hub.add("ines", "sums-instructors")


def test_nothing_is_ever_unpickled() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & RUNS_WHAT_IT_READS, path


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore")
def test_feedback_reads_no_file_runs_no_script_and_tells_no_hidden_test(tmp_path: Path) -> None:
    course, secret = tmp_path / "course", tmp_path / "secret.png"
    secret.write_bytes(b"the secret")
    for place in ("source/a1", "submitted/ada/a1"):
        (course / place).mkdir(parents=True)
    notebook = lesson()
    notebook.cells[3].source = notebook.cells[3].source.replace(", 'larger sums are wrong'", "")
    nbformat.write(notebook, course / "source/a1/a1.ipynb")
    config = settings(course)
    configure(config, {}, here=tmp_path)
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    submitted = nbformat.read(course / "release/a1/a1.ipynb", as_version=4)
    submitted.cells[2].source = "def total(x): return x[0] + x[1]"
    hostile = new_markdown_cell(
        f"![a]({secret}) ![b](file://{secret}) ![c](attachment:../../x.png) <script>alert(1)</script>"
        " [d](javascript:alert(2)) <img src=x onerror=alert(3)>"
    )
    hostile.attachments = {"../../x.png": {"image/png": base64.b64encode(b"an attachment").decode()}}
    submitted.cells.insert(0, hostile)
    nbformat.write(submitted, course / "submitted/ada/a1/a1.ipynb")
    autograde(config, "autograded")
    before = {path for path in tmp_path.rglob("*") if "feedback" not in path.parts}
    GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
    page = (course / "feedback/ada/a1/a1.html").read_text()
    assert base64.b64encode(b"the secret").decode() not in page
    body = page[page.index("<body") :]
    assert "<script>alert(1)" not in body
    assert "javascript:alert(2)" not in body.replace("&quot;", "").lower().split("[d]")[0]
    assert "<img src=x" not in body
    # As words: identifiers of cells are random.
    assert not re.search(r"\b17\b", body[body.index("total") :].split("Hidden tests ran here")[1][:2000])
    assert not re.search(r"\b136\b", body)
    assert {path for path in tmp_path.rglob("*") if "feedback" not in path.parts} == before


def test_grades_at_the_same_time_are_all_in_the_history(service: Service, hub: StubHub, ines: str) -> None:
    identifier = service.request("POST", SUBMIT, hub.add("ada", "sums"), data=answer()).json()["id"]

    def record(number: int) -> int:
        cell = {"notebook": "lesson1", "cell": "twice-test", "auto": 1, "manual": number / 10}
        body = {"reason": f"round {number}", "grades": [grade(identifier, number / 10, cells=[cell])]}
        return service.request("PUT", GRADES, ines, json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(record, range(1, 17))) == {200}
    lines = service.request("GET", "courses/sums/audit?after=1", ines).json()
    assert sorted(line["facts"]["why"] for line in lines) == sorted(f"round {n}" for n in range(1, 17))
    for earlier, later in pairwise(lines):
        assert later["facts"]["old"] == earlier["facts"]["new"]
    (latest,) = service.request("GET", "courses/sums/grades", ines).json()
    assert latest["grade"]["score"] == lines[-1]["facts"]["new"]


def test_an_instructor_is_one_in_their_own_course_only(service: Service, hub: StubHub, ines: str) -> None:
    rosa = hub.add("rosa", "other")
    submit = SUBMIT.replace("courses/sums", "courses/other")
    identifier = service.request("POST", submit, rosa, data=answer()).json()["id"]
    there = "courses/other"
    body = {"reason": "mine now", "grades": [grade(identifier, 3)]}
    tried: list[tuple[str, str, Any]] = [
        ("PUT", f"{there}/assignments/lesson1/grades", body),
        ("GET", f"{there}/grades", None),
        ("GET", f"{there}/grades.csv", None),
        ("GET", f"{there}/audit", None),
        ("GET", f"{there}/flags", None),
        ("PUT", f"{there}/flags/1", {"verdict": "dismissed", "reason": "mine"}),
        ("GET", f"submissions/{identifier}", None),
    ]
    for method, path, json in tried * 5:
        assert service.request(method, path, ines, json=json).status_code in {403, 404}, path
    olga = hub.add("olga", "other-instructors")
    log = service.request("GET", f"{there}/audit", olga).json()
    refused = Counter(line["facts"]["what"] for line in log if line["action"] == "refused")
    assert refused.keys() == {
        "PUT /courses/{course}/assignments/{assignment}/grades",
        "GET /courses/{course}/grades",
        "GET /courses/{course}/grades.csv",
        "GET /courses/{course}/audit",
        "GET /courses/{course}/flags",
        "PUT /courses/{course}/flags/{number}",
    }
    assert {line["facts"]["who"] for line in log if line["action"] == "refused"} == {"ines"}
    assert max(refused.values()) <= PROCESSES  # not as often as it was tried
    # Not through one's own course either.
    reply = service.request("PUT", GRADES, ines, json=body)
    assert (reply.status_code, "Nothing was recorded" in reply.text) == (422, True)


def test_who_also_learns_in_a_course_decides_nothing_on_themselves(
    service: Service, hub: StubHub, ines: str
) -> None:
    ada, tom = hub.add("ada", "sums"), hub.add("tom", "sums", "sums-instructors")
    flag = {"notebook": "lesson1", "cell": "twice-test", "kind": "channel", "evidence": "it came twice"}
    own, other = (
        grade(service.request("POST", SUBMIT, token, data=answer(text)).json()["id"], 3, flags=[flag])
        for token, text in ((tom, "tom's"), (ada, "ada's"))
    )
    before = service.request("GET", "courses/sums/audit", ines).json()
    recorded = service.request("GET", "courses/sums/grades", ines).json()
    more = {"due": "2031-01-01T00:00:00Z", "reason": "I need it"}
    extend = GRADES.replace("/grades", "/extensions/tom")
    for method, path, json in [
        ("PUT", GRADES, {"reason": "mine", "grades": [other, own]}),
        ("PUT", extend, more),
    ]:
        reply = service.request(method, path, tom, json=json)
        assert (reply.status_code, "another instructor" in reply.text) == (403, True), reply.text
    assert service.request("GET", "courses/sums/grades", ines).json() == recorded
    after = service.request("GET", "courses/sums/audit", ines).json()
    assert after[: len(before)] == before
    assert [(line["action"], line["facts"]) for line in after[len(before) :]] == [
        ("refused", {"who": "tom", "what": f"{what} on their own work"}) for what in ("grade", "extend")
    ]
    # What somebody else has recorded may be said again, together with what is new.
    assert service.request("PUT", GRADES, ines, json={"reason": "graded", "grades": [own]}).ok
    flags = service.request("GET", "courses/sums/flags", ines).json()
    verdict = {"verdict": "dismissed", "reason": "it wasn't me"}
    assert (
        service.request("PUT", f"courses/sums/flags/{flags[0]['number']}", tom, json=verdict).status_code
        == 403
    )
    assert service.request("PUT", f"courses/sums/flags/{flags[0]['number']}", ines, json=verdict).ok
    both = {"reason": "graded", "grades": [own, other]}
    assert [change["learner"] for change in service.request("PUT", GRADES, tom, json=both).json()] == ["ada"]
    # Our own programs leave it out by themselves.
    changes = Client(service.url, tom).record_grades(
        "sums", "lesson1", [Grade(**{**one, "score": 1}) for one in (own, other)], "graded again"
    )
    assert [change.learner for change in changes] == ["ada"]


def test_who_is_refused_stands_in_the_log(service: Service, hub: StubHub, ines: str) -> None:
    ada = hub.add("ada", "sums")
    assert service.request("GET", "courses/other/grades", ines).status_code == 403
    assert service.request("GET", "courses/sums/grades.csv", ada).status_code == 403
    refused = [line for line in service.log.read_text().splitlines() if "action=refused" in line]
    assert ["who=ines" in refused[0], "course=other" in refused[0], "/grades'" in refused[0]] == [True] * 3
    assert ["who=ada" in refused[1], "course=sums" in refused[1], "/grades.csv'" in refused[1]] == [True] * 3


HOSTILE = "import os\nopen(os.environ.get('MARK', '/tmp/mark'), 'w').write('it ran')\n"


@pytest.mark.sandbox
def test_files_that_python_or_jupyter_would_load_by_name_are_not_loaded(tmp_path: Path) -> None:
    names = ("numpy.py", "sitecustomize.py", "usercustomize.py", "ast.py", "IPython.py", "ipython_config.py")
    (tmp_path / "startup").mkdir()
    for name in (*names, "startup/00.py", "hpcampus_grading.py"):
        (tmp_path / name).write_text(HOSTILE + "def allclose(*a, **k): return True\n")
    test = "import os, numpy as np\nassert not os.path.exists('/tmp/mark')\nassert np.allclose(1, 2)"
    with copy_for_sandbox(tmp_path) as files:
        (outcome,) = run_cells([Cell(test, is_test=True)], Plan(files=files, imports=("numpy",)))
    assert isinstance(outcome.outputs[0], Failure)
    assert "np.allclose" in "".join(outcome.outputs[0].traceback)


def test_a_configuration_in_the_working_directory_is_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("MARK", str(mark))
    for name in ("nbgrader_config.py", "jupyter_config.py", "sitecustomize.py", "numpy.py"):
        (tmp_path / name).write_text(HOSTILE)
    monkeypatch.chdir(tmp_path)
    folder = CourseFolder("sums", tmp_path / "courses")
    folder.path.mkdir(parents=True)
    info = CourseInfo(slug="sums", title="Sums", role="instructor", libraries=(), assignments=())
    (folder.path / "course.json").write_text(info.model_dump_json())
    CourseGradebook(folder)
    assert not mark.exists()
