"""Courses as their files are now."""

import shutil
from pathlib import Path

import pytest
import yaml
from hpcampus_courses import BadFile, Catalogue, live

from tests.courses.test_model import facts


def write(folder: Path, slug: str, title: str = "A course") -> Path:
    path = folder / slug / "course.yaml"
    (path.parent / "source" / "first").mkdir(parents=True, exist_ok=True)
    (path.parent / "source" / "first" / "first.ipynb").touch()
    fresh = path.with_suffix(".new")
    fresh.write_text(yaml.safe_dump(facts(slug=slug, title=title)))
    fresh.rename(path)
    return path


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)
    write(tmp_path, "maps")
    return Catalogue.follow(tmp_path)


def test_a_course_comes_changes_and_goes(catalogue: Catalogue, tmp_path: Path) -> None:
    assert list(catalogue.courses) == ["maps"]
    write(tmp_path, "charts", "Charts")
    assert list(catalogue.courses) == ["charts", "maps"]
    write(tmp_path, "charts", "Better charts")
    assert catalogue.course("charts").title == "Better charts"
    shutil.rmtree(tmp_path / "charts")
    assert len(catalogue.courses) == 1
    assert "charts" not in catalogue.courses


def test_a_wrong_file_leaves_its_course_as_it_was(
    catalogue: Catalogue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "maps" / "course.yaml").write_text("slug: [")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "course.yaml").write_text("{}")
    assert catalogue.course("maps").title == "Maps" or catalogue.course("maps").title == "A course"
    assert list(catalogue.courses) == ["maps"]
    assert "a course stays as it was" in caplog.text
    tmp_path.rename(tmp_path.with_name("gone"))
    assert list(catalogue.courses) == ["maps"]
    assert "the courses stay as they were" in caplog.text


def test_at_the_start_everything_must_be_right(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no such folder"):
        Catalogue.follow(tmp_path / "nowhere")
    path = write(tmp_path, "maps")
    path.write_text("slug: [")
    with pytest.raises(BadFile):
        Catalogue.follow(tmp_path)
