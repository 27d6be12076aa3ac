"""`course.yaml`: what is accepted, and what is said about what is not."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hpcampus_courses import BadFile, Catalogue, Course
from pydantic import ValidationError

NAIVE = "2030-01-07T09:00:00"
MONDAY, NOON = f"{NAIVE}+01:00", "2030-01-07T12:00:00+01:00"
ROOT = Path(__file__).parents[2]


def facts(**changes: Any) -> dict[str, Any]:
    """A right course, with changes; None takes a field away."""
    right = {
        "slug": "maps",
        "title": "Maps",
        "summary": "How to read one.",
        "language": "en",
        "level": "beginner",
        "licence": "CC-BY-4.0",
        "authors": ["Ada"],
        "outcomes": ["Read a map."],
        "roster": "maps",
        "instructors": "maps-instructors",
        "needs": {"cpus": 1},
        "assignments": [{"slug": "first", "title": "First", "points": 3}],
    }
    return {key: value for key, value in (right | changes).items() if value is not None}


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "maps" / "course.yaml"
    notebook = path.parent / "source" / "first" / "first.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.touch()
    path.write_text(yaml.safe_dump(facts(**changes)))
    return path


def test_a_course_is_read_and_frozen(tmp_path: Path) -> None:
    course = Course.load(write(tmp_path))
    assert course.assignments[0].notebook == "first.ipynb"
    assert course.assignments[0].due is None
    assert course.needs.cpus == 1
    with pytest.raises(ValidationError, match="frozen"):
        course.title = "Other"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Maps"}, "slug"),
        ({"slug": "m" * 31}, "slug"),
        ({"slug": "maps\n"}, "slug"),
        ({"slug": "../maps"}, "slug"),
        ({"title": " "}, "title"),
        ({"authors": []}, "authors"),
        ({"sessions": [{"reservation": "a b", "starts": MONDAY, "ends": NOON}]}, "sessions.0.reservation"),
        ({"sessions": [{"reservation": "r", "starts": NOON, "ends": MONDAY}]}, "sessions.0"),
        ({"sessions": [{"reservation": "r", "starts": NAIVE, "ends": NOON}]}, "sessions.0.starts"),
        ({"sessions": [{"site": "here", "starts": MONDAY, "ends": NOON}]}, "sessions.0.site"),
        ({"level": "guru"}, "level"),
        ({"language": "English"}, "language"),
        ({"licence": "CC BY 4.0"}, "licence"),
        ({"roster": "a b"}, "roster"),
        ({"roster": None}, "roster"),
        ({"colour": "red"}, "colour"),
        ({"needs": {"partition": "gpu"}}, "needs.partition"),
        ({"needs": {"cpus": 0}}, "needs.cpus"),
        ({"libraries": ["os; rm"]}, "libraries.0"),
        ({"credits": [{"title": "x", "url": "javascript:x", "licence": "MIT"}]}, "credits.0.url"),
        ({"assignments": []}, "assignments"),
        ({"assignments": [{"slug": "first", "title": "F", "points": 0}]}, "assignments.0.points"),
        ({"assignments": [{"title": "F", "points": 1}]}, "assignments.0.slug"),
        (
            {"assignments": [{"slug": "first", "title": "F", "points": 1, "notebook": "../x.ipynb"}]},
            "assignments.0.notebook",
        ),
        (
            {"assignments": [{"slug": "first", "title": "F", "points": 1, "due": "2026-12-01T12:00:00"}]},
            "assignments.0.due",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_and_field(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(BadFile) as caught:
        Course.load(path)
    assert str(path) in str(caught.value)
    assert f"  {field}: " in str(caught.value)


def test_two_assignments_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = [{"slug": "first", "title": "F", "points": 1}] * 2
    with pytest.raises(BadFile, match="two of them are called first"):
        Course.load(write(tmp_path, assignments=twice))


@pytest.mark.parametrize(
    ("extensions", "sentence"),
    [
        ([{"learner": "ada", "reason": "ill"}], "ada: This gives neither more time nor more attempts"),
        (
            [{"learner": "ada", "reason": "ill", "due": MONDAY}],
            "ada: first is due at .* a later moment",
        ),
        ([{"learner": "ada", "reason": "ill", "attempts": 1}], "ada: first can be submitted as often as one"),
        ([{"learner": "ada", "reason": "ill", "due": NOON}] * 2, "more than one for ada"),
        ([{"learner": "ada", "due": NOON}], r"extensions\.0\.reason"),
        ([{"learner": "../ada", "reason": "ill", "due": NOON}], r"extensions\.0\.learner"),
        ([{"learner": "ada", "reason": "ill", "due": NAIVE}], r"extensions\.0\.due"),
    ],
)
def test_an_extension_that_extends_nothing_is_a_mistake(
    tmp_path: Path, extensions: list[dict[str, Any]], sentence: str
) -> None:
    lesson = {"slug": "first", "title": "F", "points": 1, "due": MONDAY, "extensions": extensions}
    with pytest.raises(BadFile, match=sentence):
        Course.load(write(tmp_path, assignments=[lesson]))


def test_learners_are_never_instructors_by_a_slip(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="every learner would be an instructor"):
        Course.load(write(tmp_path, instructors="maps"))


def test_a_due_date_keeps_its_time_zone(tmp_path: Path) -> None:
    dated = [{"slug": "first", "title": "F", "points": 1, "due": "2026-12-01T12:00:00+01:00"}]
    due = Course.load(write(tmp_path, assignments=dated)).assignments[0].due
    assert due is not None
    assert due.isoformat() == "2026-12-01T12:00:00+01:00"


def test_a_file_that_is_no_yaml_or_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "course.yaml"
    with pytest.raises(BadFile, match=r"course\.yaml"):
        Course.load(path)
    path.write_text("a: [")
    with pytest.raises(BadFile, match=r"course\.yaml"):
        Course.load(path)


def test_a_catalogue_holds_every_course(tmp_path: Path) -> None:
    write(tmp_path)
    catalogue = Catalogue.load(tmp_path)
    assert list(catalogue.courses) == ["maps"]
    assert catalogue.source("maps", "first") == tmp_path / "maps" / "source" / "first"
    with pytest.raises(LookupError, match="there is no course 'chess'; there are: maps"):
        catalogue.source("chess", "first")
    with pytest.raises(LookupError, match=r"course maps has no assignment '\.\./x'; it has: first"):
        catalogue.source("maps", "../x")


def test_a_catalogue_refuses_what_does_not_fit_its_folder(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no such folder"):
        Catalogue.load(tmp_path / "nowhere")
    path = write(tmp_path, slug="charts")
    with pytest.raises(BadFile, match="slug: is 'charts', but the folder is called 'maps'"):
        Catalogue.load(tmp_path)
    path.write_text(yaml.safe_dump(facts()))
    (path.parent / "source" / "first" / "first.ipynb").unlink()
    with pytest.raises(BadFile, match=r"assignments\.0\.notebook: there is no file"):
        Catalogue.load(tmp_path)


def test_the_courses_that_are_shipped_load() -> None:
    course = Catalogue.load(ROOT / "courses").course("gpu-numba")
    assert course.needs.gpus == 1
    assert course.needs.runs_without_gpu
    assert course.assignment("lesson1").points == 23


def test_a_course_knows_the_session_that_is_on_and_the_next_one() -> None:
    later = {"reservation": "r2", "starts": "2030-01-14T09:00:00+01:00", "ends": "2030-01-14T12:00:00+01:00"}
    first = {"reservation": "r1", "starts": MONDAY, "ends": NOON}
    course = Course.model_validate(facts(sessions=[later, first]))
    start, end = datetime.fromisoformat(MONDAY), datetime.fromisoformat(NOON)
    moments = (start - timedelta(hours=1), start, end, datetime.fromisoformat("2030-02-01T00:00:00Z"))
    names = [(one and one.reservation) for one in map(course.session, moments)]
    assert names == [None, "r1", None, None]
    names = [(one and one.reservation) for one in map(course.next_session, moments)]
    assert names == ["r1", "r2", "r2", None]
