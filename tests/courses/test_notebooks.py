"""Every notebook that is shipped: well-formed, without outputs, one tree of headings, the right points."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hpcampus_courses import Catalogue

ROOT = Path(__file__).parents[2]
COURSES = ROOT / "courses"
SOURCES = sorted(COURSES.glob("*/source/*/*.ipynb"))
NOTEBOOKS = [*SOURCES, *sorted((ROOT / "notebooks").glob("*.ipynb"))]

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
lesson = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def headings(path: Path) -> list[tuple[int, str]]:
    lines: list[str] = []
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            lines += re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL).splitlines()
    found = (re.match(r"(#+) (.+)", line) for line in lines)
    return [(len(match[1]), match[2]) for match in found if match]


@every
def test_it_is_valid_and_carries_no_run(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count is None, cell.id
            assert cell.outputs == [], cell.id


@every
def test_cells_have_names_of_their_own(path: Path) -> None:
    names = [cell.id for cell in read(path).cells]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


@every
def test_headings_form_one_tree(path: Path) -> None:
    levels = [level for level, _ in headings(path)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    titles = [title for _, title in headings(path)]
    assert len(titles) == len(set(titles))


@every
def test_code_compiles_and_says_nothing_of_this_machine(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
        assert not re.search(r"/(home|root|work|tmp)/", cell.source), cell.id


@lesson
def test_graded_cells_follow_nbgrader_and_sum_up(path: Path) -> None:
    catalogue = Catalogue.load(COURSES)
    assignment = catalogue.course(path.parents[2].name).assignment(path.parent.name)
    assert path.name == assignment.notebook
    cells = [cell for cell in read(path).cells if "nbgrader" in cell.metadata]
    marks = [cell.metadata.nbgrader for cell in cells]
    assert all(mark.schema_version == 3 for mark in marks)
    assert len({mark.grade_id for mark in marks}) == len(marks)
    assert sum(mark.points for mark in marks if mark.grade) == assignment.points
    for cell, mark in zip(cells, marks, strict=True):
        assert mark.solution == ("### BEGIN SOLUTION" in cell.source)
        assert mark.grade == mark.locked == ("### BEGIN HIDDEN TESTS" in cell.source)


@lesson
def test_a_lesson_tells_where_it_runs_what_to_remember_and_how_to_hand_in(path: Path) -> None:
    titles = [title for _, title in headings(path)]
    assert "What to remember" in titles
    assert "Hand it in" in titles
    assert any("device()" in cell.source for cell in read(path).cells if cell.cell_type == "code")
