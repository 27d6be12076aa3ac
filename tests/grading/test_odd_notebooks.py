"""Odd notebooks, many of which nbgrader refuses, cost their learners only what is missing in them."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hpcampus_grading.nbgrader_settings import configure
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from tests.grading.conftest import code, test_cell
from tests.grading.test_parity import grade, settings

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore")]

Cells = list[Any]
FULL = {"one": 2.0, "two": 3.0, "words": None}


def lesson() -> Any:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    words = new_markdown_cell("Say why.")
    words.metadata["nbgrader"] = code("", "words", solution=True, points=4).metadata["nbgrader"]
    notebook.cells = [
        code("BASE = 10", "base", locked=True),
        code("### BEGIN SOLUTION\ndef one(): return BASE + 1\n### END SOLUTION", "answer-one", solution=True),
        test_cell("assert one() == 11", "one", 2),
        code(
            "### BEGIN SOLUTION\ndef two(): return one() + 1\n### END SOLUTION", "answer-two", solution=True
        ),
        test_cell("assert two() == 12", "two", 3),
        words,
    ]
    return notebook


def answered(cells: Cells) -> None:
    cells[1].source, cells[3].source = "def one(): return BASE + 1", "def two(): return one() + 1"
    cells[5].source = "Because."


def metadata(cell: Any) -> Any:
    return cell.metadata["nbgrader"]


def version(number: int) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        for cell in cells:
            found = metadata(cell)
            found.pop("task", None)
            if number < 3:
                found["schema_version"] = number
            if number < 2:
                found.pop("cell_type", None)
            if number == 0:
                del found["schema_version"]

    return change


def copied(index: int) -> Callable[[Cells], None]:
    return lambda cells: cells.insert(index, copy.deepcopy(cells[index]))


def retyped(index: int, kind: str) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        make = {"raw": nbformat.v4.new_raw_cell, "code": new_code_cell, "markdown": new_markdown_cell}[kind]
        cells[index] = make(cells[index].source, metadata=cells[index].metadata)
        del cells[index]["id"]  # as in notebooks from before cells had one

    return change


def set_in(index: int, **values: Any) -> Callable[[Cells], None]:
    return lambda cells: metadata(cells[index]).update(values)


def added(source: str, index: int = 3) -> Callable[[Cells], None]:
    return lambda cells: cells.insert(index, new_code_cell(source))


def without(*indices: int) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        for index in sorted(indices, reverse=True):
            del cells[index]

    return change


def says(index: int, value: Any) -> Callable[[Cells], None]:
    return lambda cells: cells[index].metadata.update(nbgrader=value)


ODD: dict[str, tuple[Callable[[Cells], None], dict[str, float | None]]] = {
    "nothing odd": (lambda cells: None, FULL),
    "version-0": (version(0), FULL),
    "version-1": (version(1), FULL),
    "version-2": (version(2), FULL),
    "version-3": (version(3), FULL),
    "version-of-the-future": (set_in(2, schema_version=10), FULL),
    "metadata-is-no-object": (says(2, 5), {**FULL, "one": 2.0}),
    "metadata-is-nonsense": (set_in(4, points="many", grade="yes", locked=None), FULL),
    "copied-answer": (copied(1), FULL),
    "copied-tests": (copied(2), FULL),
    "everything-twice": (lambda cells: cells.extend(copy.deepcopy(cells)), FULL),
    "tests-deleted": (without(2, 4), FULL),
    "locked-cell-deleted": (without(0), FULL),
    "answer-deleted": (without(3), {**FULL, "two": 0.0}),
    "words-deleted": (without(5), {**FULL, "words": 0.0}),
    "all-deleted": (without(*range(6)), {"one": 0.0, "two": 0.0, "words": 0.0}),
    "tests-made-raw": (retyped(2, "raw"), FULL),
    "tests-made-markdown": (retyped(4, "markdown"), FULL),
    "answer-made-markdown": (retyped(1, "markdown"), FULL),
    "words-made-code": (retyped(5, "code"), FULL),
    "not-graded-please": (set_in(2, grade=False, solution=True, locked=False), FULL),
    "more-points": (set_in(2, points=200), FULL),
    "another-name": (set_in(2, grade_id="elsewhere"), FULL),
    "tests-changed": (lambda cells: cells[2].update(source="pass"), FULL),
    "filled-in-outputs": (
        lambda cells: [
            cells[1].update(source="pass"),
            cells[2].update(outputs=[nbformat.v4.new_output("execute_result", {"text/plain": "2"})]),
        ],
        {**FULL, "one": 0.0, "two": 0.0},
    ),
    "stderr": (added("import sys, warnings; print('x', file=sys.stderr); warnings.warn('slow')"), FULL),
    "exit": (added("import os; os._exit(0)"), FULL),
    "killed": (added("import os; os.kill(os.getpid(), 9)"), FULL),
    "exit-in-the-answer": (
        lambda cells: cells[1].update(source="import os\ndef one(): os._exit(0)"),
        {**FULL, "one": 0.0, "two": 0.0},
    ),
    "exit-after-the-answer": (
        lambda cells: cells[1].update(source="def one(): return BASE + 1\nimport os; os._exit(1)"),
        {**FULL, "one": 0.0, "two": 0.0},
    ),
    "endless": (added("while True: pass"), FULL),
    "stubborn": (
        added("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
        FULL,
    ),
    "much-output": (added("print('x' * (30 << 20))"), FULL),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The course folder, and everybody's scores."""
    course = tmp_path_factory.mktemp("odd") / "course"
    (course / "source/a1").mkdir(parents=True)
    nbformat.write(lesson(), course / "source/a1/a1.ipynb")
    config = settings(course)
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    for name, (change, _) in ODD.items():
        notebook = nbformat.read(course / "release/a1/a1.ipynb", as_version=4)
        answered(notebook.cells)
        change(notebook.cells)
        # Whatever it asks for, it gets the course's.
        notebook.metadata["kernelspec"] = {"name": f"kernel-of-{len(name)}", "display_name": "Mine"}
        place = course / "submitted" / name.replace(" ", "-") / "a1"
        place.mkdir(parents=True)
        (place / "a1.ipynb").write_text(nbformat.writes(nbformat.from_dict(notebook)))
    configure(config, {}, here=course)
    config.SandboxExecute.cell_seconds, config.SandboxExecute.total_seconds = 2, 60
    return course, grade(config, "autograded")


@pytest.mark.parametrize("name", ODD)
def test_it_costs_only_its_own_points(graded: tuple[Path, Any], name: str) -> None:
    _, scores = graded
    who = name.replace(" ", "-")
    assert {cell: score for (learner, cell), score in scores.items() if learner == who} == ODD[name][1]


def test_what_is_kept_of_much_output_is_small(graded: tuple[Path, Any]) -> None:
    course, _ = graded
    assert (course / "autograded/much-output/a1/a1.ipynb").stat().st_size < 2 << 20


def test_the_cells_of_a_deleted_notebook_stand_in_their_order(graded: tuple[Path, Any]) -> None:
    course, _ = graded
    notebook = nbformat.read(course / "autograded/all-deleted/a1/a1.ipynb", as_version=4)
    names = [cell.metadata.nbgrader.grade_id for cell in notebook.cells]
    assert names == ["base", "one", "two", "words"]


def test_a_test_that_gives_too_many_points_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    course = tmp_path / "course"
    (course / "source/a1").mkdir(parents=True)
    (course / "submitted/ada/a1").mkdir(parents=True)
    notebook = lesson()
    notebook.cells[2].source = "20"
    nbformat.write(notebook, course / "source/a1/a1.ipynb")
    config = settings(course)
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    answer = nbformat.read(course / "release/a1/a1.ipynb", as_version=4)
    answered(answer.cells)
    nbformat.write(answer, course / "submitted/ada/a1/a1.ipynb")
    configure(config, {}, here=tmp_path)
    scores = grade(config, "autograded")
    assert {cell: score for (_, cell), score in scores.items()} == {"one": 0.0, "two": 3.0, "words": None}
