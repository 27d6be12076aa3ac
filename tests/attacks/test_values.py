"""Values that the instructor gives in locked cells: tests compare with them as they were given."""

from pathlib import Path

import pytest
from hpcampus_grading.sandbox.answers import Failure, Result
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan

pytestmark = pytest.mark.sandbox

GIVEN = """\
import numpy as np
tolerance, least = 0.01, 0.001
EXPECTED = {'sums': [3, 7], 'all': np.array([1.0, 2.0])}
data = np.arange(4.0)
class Case:
    def __init__(self): self.right = 3
case = Case()

def close(one, other):
    return abs(one - other) <= tolerance
"""
WRONG = "def total(x): return -1"
RIGHT = "def total(x): return sum(x)"
ATTACKS = {
    "another number": ("tolerance = 1e9", "assert close(total([1, 2]), 3)"),
    "another table": ("EXPECTED = {'sums': [-1]}", "assert total([1, 2]) == EXPECTED['sums'][0]"),
    "within a table": ("EXPECTED['sums'][0] = -1", "assert total([1, 2]) == EXPECTED['sums'][0]"),
    "in an array": ("data[:] = -0.25", "assert total(data) == data.sum()"),
    "in an array within": ("EXPECTED['all'][:] = -1", "assert total([1]) == EXPECTED['all'][0]"),
    "another shape": ("data.shape = (2, 2); data[0] = -1", "assert total(data) == data[1] + 5"),
    "an attribute": ("case.right = -1", "assert total([1, 2]) == case.right"),
    "what a test left": ("answer = -1", "assert total([1, 2]) == answer"),
    "the absolute value": ("abs = lambda x: 0", "assert close(total([1, 2]), 3)"),
}


def outcomes(tmp_path: Path, *cells: Cell, **known: frozenset[str]) -> list[Outcome]:
    with copy_for_sandbox(tmp_path) as files:
        return run_cells(cells, Plan(files=files, imports=("numpy",), **known))


def passed(outcome: Outcome) -> bool:
    return not any(isinstance(output, Failure) for output in outcome.outputs)


def given(source: str = GIVEN) -> Cell:
    return Cell(source, locked=True)


def claim(source: str) -> Cell:
    return Cell(source, is_test=True, locked=True)


@pytest.mark.parametrize("attack", ATTACKS)
def test_another_value_gives_no_points_and_costs_none(tmp_path: Path, attack: str) -> None:
    source, text = ATTACKS[attack]
    first = claim("answer = 3\nassert isinstance(total([1]), int)")
    wrong = outcomes(tmp_path, given(), Cell(WRONG), first, Cell(source), claim(text), claim(text))
    assert not any(map(passed, wrong[-2:]))
    if attack != "another shape":
        right = outcomes(tmp_path, given(), Cell(RIGHT), first, Cell(source), claim(text), claim(text))
        assert all(passed(outcome) and not outcome.signs for outcome in right)


def test_what_a_learner_made_of_it_is_theirs_again(tmp_path: Path) -> None:
    mine = Cell(f"tolerance = 'mine'\ndata.sort()\ndata[0] = 42\nEXPECTED.clear()\n{RIGHT}")
    said = claim("assert total(data) == 6 and tolerance < 1 and EXPECTED['sums']")
    found = outcomes(tmp_path, given(), mine, said, Cell("tolerance, data[0] == 42, EXPECTED"))
    assert all(passed(outcome) and not outcome.signs for outcome in found)
    (shown,) = found[-1].outputs
    assert isinstance(shown, Result)
    assert shown.data["text/plain"] in {"('mine', True, {})", "('mine', np.True_, {})"}


HONEST = {
    "a name that a test has for itself": (
        "n = 1",
        "n = 10\ndef scaled(v): return v * n",
        ("assert all(scaled(n) == 10 * n for n in (3, 4))",),
    ),
    "a name that a helper has for itself": (
        "one = 0",
        "one = 5\ndef five(): return one",
        ("assert close(five(), 5)",),
    ),
    "a loop over a name that was given": ("", "", ("for data in (1, 2): assert data", "assert data == 2")),
    "an array that is filled by a learner's function": (
        "",
        "def fill(out): out[:] = 7",
        ("fill(data)", "assert data.sum() == 28"),
    ),
    "a part of it": (
        "part = data[:2]",
        "def fill(out): out[:] = 7",
        ("fill(part)\nassert part[0] == 7", "assert data[0] == 7 and data[2] == 2"),
    ),
    "a counter": (
        "calls = 0\ndef count():\n    global calls\n    calls += 1",
        "def twice(f): f(); f()",
        ("twice(count)\nassert calls == 2",),
    ),
    "a list to which tests add": (
        "found = []",
        "def add(to): to.append(1)",
        ("add(found)\nassert found == [1]", "add(found)\nassert found == [1, 1]"),
    ),
    "what was changed before the instructor used it": (
        "more = {'a': 1}",
        "",
        ("more['b'] = 2", "assert more == {'a': 1, 'b': 2}"),
    ),
}


@pytest.mark.parametrize("answer", HONEST)
def test_honest_answers_lose_nothing(tmp_path: Path, answer: str) -> None:
    before, source, claims = HONEST[answer]
    found = outcomes(tmp_path, given(), given(before), Cell(source), *map(claim, claims))
    assert [(passed(outcome), outcome.signs) for outcome in found] == [(True, ())] * len(found)


def test_what_answers_are_to_change_in_place_is_changed(tmp_path: Path) -> None:
    cells = (given("results = {}"), Cell("results['sum'] = 3"), claim("assert results['sum'] == 3"))
    assert passed(outcomes(tmp_path, *cells, shared=frozenset({"results"}))[-1])


def test_who_replaces_it_while_tests_run_is_named(tmp_path: Path) -> None:
    mine = Cell("def total(x):\n    global tolerance\n    tolerance = 1e9\n    return -1")
    found = outcomes(tmp_path, given(), mine, claim("assert total([1]) and close(1, 3) and tolerance"))[-1]
    assert not passed(found)
    assert found.signs == (("replaced", "tolerance was replaced by what it tests"),)
