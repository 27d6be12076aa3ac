"""Functions that the instructor gives in locked cells: tests use them as they were given."""

from pathlib import Path

import pytest
from hpcampus_grading.sandbox.answers import Failure, Result
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan

pytestmark = pytest.mark.sandbox

GIVEN = """\
from operator import eq as same
import math as arithmetic

def close(one, other, tolerance=0.01, *, least=0.01):
    return abs(one - other) <= tolerance + least

def made():
    allowed = False
    def differs(one, other):
        return one != other or allowed
    return differs

differs = made()

class Check:
    def holds(self, found, right):
        return same(found, right)

    @staticmethod
    def near(found, right):
        return close(found, right)

def check(found, right):
    assert same(found, right) and close(found, right) and not differs(found, right)
    assert arithmetic.isclose(found, right)
    assert Check().holds(found, right) and Check.near(found, right), 'wrong'
"""
TEST = "check(total([1, 2]), 3)"
WRONG = "def total(x): return -1"
RIGHT = "def total(x): return sum(x)"

EQUAL = """
class Equal(tuple):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = None
"""
REDEFINED = {
    "the function itself": "def check(found, right): pass",
    "its code": "check.__code__ = (lambda found, right: None).__code__",
    "what it calls, all of it": """
same = close = lambda *a: True
differs = lambda *a: False
class arithmetic: isclose = lambda *a: True
class Check:
    def holds(self, *a): return True
    near = staticmethod(lambda *a: True)""",
    "its own world": """
import types
def check(found, right): pass
globals()['check'] = types.FunctionType(check.__code__, {})""",
}
PARTS = {
    "tolerances": ("close.__defaults__ = (1e9,)", "assert close(1, 2)"),
    "other tolerances": ("close.__kwdefaults__ = {'least': 1e9}", "assert close(1, 2)"),
    "tolerances in place": ("close.__kwdefaults__['least'] = 1e9", "assert close(1, 2)"),
    "a method": ("Check.holds = lambda *a: True", "assert Check().holds(1, 2)"),
    "a method's code": ("Check.holds.__code__ = (lambda *a: True).__code__", "assert Check().holds(1, 2)"),
    "a static method's code": (
        "Check.near.__code__ = (lambda *a: True).__code__",
        "assert Check.near(1, 2)",
    ),
    "a method more": (
        "Check.__getattribute__ = lambda self, name: lambda *a: True",
        "assert Check().holds(1, 2)",
    ),
    "tolerances that are equal to all others": (
        f"{EQUAL}close.__defaults__ = Equal((1e9,))",
        "assert close(1, 2)",
    ),
    "a closure that is equal to all others": (
        f"{EQUAL}differs.__closure__[0].cell_contents = Equal((1,))",
        "assert differs(1, 1)",
    ),
    "a closure": ("differs.__closure__[0].cell_contents = True", "assert differs(1, 1)"),
    "a name of a module": ("class arithmetic: isclose = lambda *a: True", "assert arithmetic.isclose(1, 2)"),
}


def outcomes(tmp_path: Path, *cells: Cell, asked: frozenset[str] = frozenset()) -> list[Outcome]:
    with copy_for_sandbox(tmp_path) as files:
        return run_cells(cells, Plan(files=files, asked=asked))


def passed(outcome: Outcome) -> bool:
    return not any(isinstance(output, Failure) for output in outcome.outputs)


def test(source: str) -> Cell:
    return Cell(source, is_test=True, locked=True)


test.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("attack", REDEFINED)
def test_another_function_of_that_name_gives_no_points(tmp_path: Path, attack: str) -> None:
    cells = [Cell(GIVEN, locked=True), Cell(f"{REDEFINED[attack]}\n{WRONG}"), test(TEST), test(TEST)]
    assert [passed(outcome) for outcome in outcomes(tmp_path, *cells)] == [True, True, False, False]


@pytest.mark.parametrize("part", PARTS)
def test_nor_does_another_part_of_it(tmp_path: Path, part: str) -> None:
    attack, claim = PARTS[part]
    *_, tested = outcomes(tmp_path, Cell(GIVEN, locked=True), Cell(attack), test(claim))
    assert not passed(tested)


def test_nor_does_a_cell_of_the_instructors_that_fails_midway(tmp_path: Path) -> None:
    mine = "def check(found, right): pass\ndef total(x): raise ValueError"
    given = Cell(f"{GIVEN}\ntotal([1])", locked=True)
    *_, tested = outcomes(tmp_path, Cell(mine), given, Cell(f"{mine}\n{WRONG}"), test(TEST))
    assert not passed(tested)


def test_nor_what_a_test_defined_for_the_next(tmp_path: Path) -> None:
    defining = test(f"{GIVEN}\n{TEST}")
    *_, tested = outcomes(tmp_path, Cell(RIGHT), defining, Cell(f"def check(*a): pass\n{WRONG}"), test(TEST))
    assert not passed(tested)


def test_who_has_a_function_of_that_name_loses_nothing(tmp_path: Path) -> None:
    """It is their own again in their own cells, and nobody is suspected."""
    mine = Cell(f"def check(*a): return 'mine'\n{RIGHT}")
    found = outcomes(tmp_path, Cell(GIVEN, locked=True), mine, test(TEST), Cell("check()"))
    assert all(passed(outcome) and not outcome.signs for outcome in found)
    (shown,) = found[-1].outputs
    assert isinstance(shown, Result)
    assert shown.data["text/plain"] == "'mine'"


def test_what_learners_are_asked_to_define_is_theirs(tmp_path: Path) -> None:
    given = Cell("def total(x): return 'to be improved'", locked=True)
    cells, asked = (given, Cell(RIGHT), test("assert total([1, 2]) == 3")), frozenset({"total"})
    assert passed(outcomes(tmp_path, *cells, asked=asked)[-1])


def test_a_learners_own_function_of_a_name_that_no_test_uses_is_called(tmp_path: Path) -> None:
    mine = Cell("def close(numbers): return sum(numbers)\ndef total(x): return close(x)")
    claim = test("assert same(total([1, 2]), 3)")
    assert passed(outcomes(tmp_path, Cell(GIVEN, locked=True), mine, claim)[-1])


def test_who_replaces_it_while_tests_run_is_named(tmp_path: Path) -> None:
    mine = Cell("def total(x):\n    global check\n    check = lambda *a: None\n    return 3")
    twice = test(f"{TEST}\ncheck(total([4]), 4)")
    *_, tested = outcomes(tmp_path, Cell(GIVEN, locked=True), mine, twice)
    assert not passed(tested)
    assert tested.signs == (("replaced", "check was replaced by what it tests"),)


def test_nor_is_one_overlooked_that_is_equal_to_all_others(tmp_path: Path) -> None:
    mine = Cell(f"{EQUAL}def total(x):\n    close.__defaults__ = Equal((1e9,))\n    return 4")
    claim = test("assert close(total([1, 2]), 3)")
    tested = outcomes(tmp_path, Cell(GIVEN, locked=True), mine, claim)[-1]
    assert not passed(tested)
    assert tested.signs


def test_a_function_of_a_module_is_used_without_suspicion(tmp_path: Path) -> None:
    """Nobody changed it, so nothing has to be set back."""
    given = Cell("from numpy.testing import assert_allclose as holds", locked=True)
    found = outcomes(tmp_path, given, Cell(RIGHT), test("holds(total([1, 2]), 3)"), test("holds(1, 1)"))
    assert all(passed(outcome) and not outcome.signs for outcome in found)
