"""Each thing that is wrong with a notebook is said, in words that say what to do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hpcampus_courses import Catalogue
from hpcampus_courses.lint import lint
from hpcampus_courses.scaffold import write_course

Notebook = dict[str, Any]


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(one for one in notebook["cells"] if one["id"] == name)


def mark(notebook: Notebook, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cell(notebook, name)["metadata"]["nbgrader"]
    return found


def say(name: str, text: str) -> Callable[[Notebook], None]:
    """Put another text into a cell."""
    return lambda notebook: cell(notebook, name).update(source=text)


def ran(notebook: Notebook) -> None:
    cell(notebook, "mean")["execution_count"] = 3


def worth_more(notebook: Notebook) -> None:
    mark(notebook, "mean-values-test")["points"] = 7


def open_to_all(notebook: Notebook) -> None:
    mark(notebook, "mean-values-test")["locked"] = False


def twice(notebook: Notebook) -> None:
    notebook["cells"].append(dict(cell(notebook, "title")))


def old(notebook: Notebook) -> None:
    mark(notebook, "mean")["schema_version"] = 2


MISTAKES: list[tuple[Callable[[Notebook], None], str]] = [
    (ran, "cell mean holds the outputs of a run"),
    (worth_more, "the cells are worth 11 points, but course.yaml says 6"),
    (open_to_all, "mark it as read-only"),
    (twice, "cell 'title' needs a name of its own"),
    (twice, "2 headings are called 'Lesson 1: the mean'"),
    (old, "another version of nbgrader"),
    (say("mean", "def mean(numbers:"), "cell mean is not Python"),
    (say("mean", "def mean(numbers):\n    return 1"), "no '### BEGIN SOLUTION'"),
    (say("mean-empty-test", "assert True"), "no '### BEGIN HIDDEN TESTS'"),
    (say("title", "Just text"), "must begin with its title"),
    (say("exercise-1", "#### Too deep"), "leaves out a level: it needs 2 times #"),
    (say("remember", "## Remember"), "no section called 'What to remember'"),
    (say("exercise-1", "## Look\n![](mean.png)"), "no alternative text"),
    (say("exercise-1", "## Look\n<img src='a.png'>"), "no alternative text"),
    (say("exercise-1", "## Look\n[there](other.ipynb)"), "other.ipynb in cell exercise-1 leads nowhere"),
    (say("exercise-1", "## Look\n[up](../lesson1/lesson1.ipynb/../..)"), "leads nowhere"),
    (say("exercise-1", "## Look\n[there](#Nowhere)"), "#Nowhere in cell exercise-1 is no heading"),
    (say("exercise-1", "## Look\nin /home/" + "rosa/data"), "a path of one machine"),
    (say("exercise-1", "## Look\nWe recieve data."), "'recieve' looks misspelt: receive?"),
]


@pytest.mark.parametrize(("spoil", "sentence"), MISTAKES, ids=[sentence for _, sentence in MISTAKES])
def test_a_mistake_is_said(tmp_path: Path, spoil: Callable[[Notebook], None], sentence: str) -> None:
    folder = write_course(tmp_path, "sums", "Sums")
    path = folder / "source/lesson1/lesson1.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    spoil(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assignment = Catalogue.load(tmp_path).course("sums").assignment("lesson1")
    assert any(sentence in found for found in lint(path, assignment, folder))


def test_a_course_has_words_of_its_own(tmp_path: Path) -> None:
    folder = write_course(tmp_path, "sums", "Sums")
    path = folder / "source/lesson1/lesson1.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("rich guest", "rich recieve"), encoding="utf-8")
    assignment = Catalogue.load(tmp_path).course("sums").assignment("lesson1")
    assert [found for found in lint(path, assignment, folder) if "recieve" in found]
    (folder / "typos.toml").write_text('[default.extend-words]\nrecieve = "recieve"\n')
    assert list(lint(path, assignment, folder)) == []


def test_links_that_lead_somewhere_are_fine(tmp_path: Path) -> None:
    folder = write_course(tmp_path, "sums", "Sums")
    path = folder / "source/lesson1/lesson1.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    text = (
        "## Look\n![a mean](mean.png) [data](mean.png) [end](#What-to-remember) [far](https://example.org/x)"
    )
    say("exercise-1", text)(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    (path.parent / "mean.png").write_bytes(b"")
    assignment = Catalogue.load(tmp_path).course("sums").assignment("lesson1")
    assert list(lint(path, assignment, folder)) == []
