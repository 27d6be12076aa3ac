"""The instructor's notebook in a sandbox: what it says while it runs, and which mistakes its tests see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hpcampus_courses.notebook import Notebook
from hpcampus_grading.rehearsal.stage import Mutants, Stage
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan, RunLimits

from tests.grading.conftest import code, test_cell

pytestmark = pytest.mark.sandbox

FIGURE = "from IPython.display import display\ndisplay({'image/png': 'AAAA'}, raw=True)"
TWICE = "def twice(x):\n    return 2 * x"


def notebook(*cells: Any) -> Notebook:
    named = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)]
    return Notebook.model_validate({"nbformat": 4, "cells": named})


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Plan]:
    with copy_for_sandbox(tmp_path) as files:
        yield Plan(files=files, limits=RunLimits(cell_seconds=2))


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("1 / 0", "cell cell-0 fails: ZeroDivisionError: division by zero"),
        ("import warnings\nwarnings.warn('old')", "cell cell-0 warns: UserWarning: old"),
        (FIGURE, "cell cell-0 shows a figure: print what it tells, for those who don't see it"),
        (
            "import os\nos._exit(1)",
            "cell cell-0 ended the notebook: the process ended itself, or was ended by a limit",
        ),
    ],
)
def test_what_does_not_go_well_is_said(plan: Plan, source: str, problem: str) -> None:
    with Stage(notebook(code(source)), plan) as stage:
        assert stage.problems == [problem]


def test_a_figure_with_words_is_fine(plan: Plan) -> None:
    with Stage(notebook(code(f"{FIGURE}\nprint('a rising line')")), plan) as stage:
        assert stage.problems == []


def test_answers_and_tests_are_the_graded_part(plan: Plan) -> None:
    lesson = notebook(
        code("pass"), code(TWICE, "twice", solution=True), test_cell("twice(1)", "twice-test", 1)
    )
    with Stage(lesson, plan) as stage:
        assert stage.seconds.keys() == {"cell-0", "twice", "twice-test"}
        assert stage.graded_seconds == stage.seconds["twice"] + stage.seconds["twice-test"]


def changed(source: str) -> Iterator[tuple[str, str]]:
    """Mistakes in TWICE: one that no test here sees, and others that end it all, or never end."""
    yield "thrice", source.replace("2 * x", "3 * x")
    yield "sum", source.replace("2 * x", "x + x")
    yield "odd", source.replace("2 * x", "2 * x if x < 100 else 0")
    yield "gone", source.replace("return", "import os; os._exit(0); return")
    yield "endless", source.replace("return 2 * x", "while True: pass")


def test_mutants_that_cost_nothing_are_found(plan: Plan) -> None:
    lesson = notebook(
        code("import math"),
        code(TWICE, "twice", solution=True),
        test_cell("assert twice(math.floor(3.5)) == 6", "twice-test", 1),
        test_cell("assert False, 'of another exercise'", "other-test", 1),
    )
    with Stage(lesson, plan) as stage:
        found = stage.mutants([changed], {"twice: sum": "the same", "twice: nothing": "no mutant"})
    assert found == Mutants(killed=3, alive=["twice: odd"], equivalent={"twice: sum"})
    assert found.share == 0.75


def test_a_solution_without_mutants_has_nothing_to_lose() -> None:
    assert Mutants().share == 1
