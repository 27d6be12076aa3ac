"""Learners who want points without an answer: their code runs in the interpreter that runs the tests.

Everything here gets nothing; whoever changed the interpreter is named to a person, with the evidence.
"""

from pathlib import Path

import pytest
from hpcampus_grading.sandbox.answers import Failure
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan, RunLimits

pytestmark = pytest.mark.sandbox

TESTS = """\
import numpy as np
assert isinstance(total([1, 2]), int), 'no whole number'
assert total([1, 2]) == 3
assert np.allclose(total(np.ones(3)), 3)
np.testing.assert_allclose(total([4, 5]), 9)
assert all(total([n]) == n for n in range(5))
"""
WRONG = "def total(x):\n    return -1\n"
EVERYTHING = "class Everything:\n    def __eq__(self, other): return True\n    __hash__ = None\n"


def graded(tmp_path: Path, *attack: str, tests: str = TESTS, **limits: float) -> list[Outcome]:
    """What the tests say after an attack, twice: the second time right after the first."""
    cells = [Cell("import numpy as np", locked=True), *map(Cell, attack), *[Cell(tests, True, True)] * 2]
    with copy_for_sandbox(tmp_path) as files:
        plan = Plan(files=files, imports=("numpy", "numpy.testing"), limits=RunLimits(**limits))
        return run_cells(cells, plan)[-2:]


def kinds(outcomes: list[Outcome]) -> set[str]:
    """The signs of tampering that were seen."""
    return {kind for outcome in outcomes for kind, _ in outcome.signs}


def failed(outcome: Outcome) -> bool:
    """Whether nbgrader gives no points: it looks for the first error or value."""
    return isinstance(outcome.outputs[0], Failure)


INTERPRETER = {
    "asserts removed from the syntax tree": """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())""",
    "tests removed from the cell": """
get_ipython().input_transformers_post.append(lambda lines: [])""",
    "run_code replaced": """
async def nothing(*args, **more): return False
get_ipython().run_code = nothing""",
    "run_cell replaced on the class": """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.run_cell = lambda *a, **k: None""",
    "tracebacks silenced": """
get_ipython().showtraceback = lambda *a, **k: None
get_ipython()._showtraceback = lambda *a, **k: None""",
    "compile and exec replaced": """
import builtins
real = compile
builtins.compile = lambda source, *a, **k: real('None', *a, **k)
builtins.exec = builtins.eval = lambda *a, **k: None""",
    "isinstance, all and abs replaced": """
import builtins
builtins.isinstance = lambda *a: True
builtins.all = lambda *a: True""",
    "another AssertionError": """
import builtins
class Quiet(BaseException): pass
builtins.AssertionError = Quiet""",
    "built-ins of the notebook replaced": """
import builtins
__builtins__ = dict(vars(builtins), isinstance=lambda *a: True, all=lambda *a: True)""",
    "lines skipped by a trace function": """
import sys
def skip(frame, event, argument):
    if event == 'line' and frame.f_code.co_name == '<module>': frame.f_lineno = frame.f_lineno + 1
    return skip
sys.settrace(skip)""",
    "a profile function": """
import sys
sys.setprofile(lambda *a: None)""",
    "NumPy's comparisons replaced": """
np.allclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None""",
    "another code for NumPy's comparison": """
np.array_equal._implementation.__code__ = (lambda *a, **k: True).__code__""",
    "generous tolerances": """
np.allclose._implementation.__defaults__ = (1e9, 1e9, False)""",
    "a NumPy of one's own": """
import sys
class Fake: allclose = staticmethod(lambda *a, **k: True)
Fake.testing = Fake; Fake.ones = lambda n: [1]; Fake.assert_allclose = lambda *a, **k: None
sys.modules['numpy'] = Fake""",
    "the runner's own judge": """
import gc; gc.unfreeze()
for thing in gc.get_objects():
    if type(thing).__name__ == 'Judge':
        thing._eval = lambda *a: None""",
    "a judge that only says yes": """
import gc; gc.unfreeze()
for thing in gc.get_objects():
    if type(thing).__name__ == 'Judge':
        yes = type('J', (), {'evidence': [], 'failure': None, 'value': None})
        thing.run = lambda *a: yes()
        thing.forget = lambda: None""",
}


@pytest.mark.parametrize("attack", INTERPRETER)
def test_whoever_changes_the_interpreter_gets_nothing_and_is_named(tmp_path: Path, attack: str) -> None:
    outcomes = graded(tmp_path, INTERPRETER[attack], WRONG)
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    assert kinds(outcomes) & {"hook", "replaced", "canary", "channel", "ended"}
    assert all(evidence for outcome in outcomes for _, evidence in outcome.signs)


NAMES = {
    "in the notebook": "isinstance = all = abs = len = lambda *a: True",
    "from a library": "from numpy import *\nall = any",
    "while the tests run": "def total(x):\n    global all\n    all = lambda *a: True\n    return -1",
}


@pytest.mark.parametrize("names", NAMES)
def test_tests_have_pythons_own_functions_whatever_learners_call_so(tmp_path: Path, names: str) -> None:
    tests = "assert all(total([n]) == n for n in range(5)) and isinstance(total([1]), str)"
    outcomes = graded(tmp_path, WRONG, NAMES[names], tests=tests)
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    assert kinds(outcomes) == set(), "nothing was deceived, so there is nothing to look at"


DURING = {
    "walks to the judge": """
def total(x):
    import sys
    frame = sys._getframe()
    while frame is not None:
        if type(frame.f_locals.get('self')).__name__ == 'Judge':
            frame.f_locals['self']._eval = lambda *a: None
        frame = frame.f_back
    return -1""",
    "walks to the judge's module": """
def total(x):
    import sys
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get('__name__', '').endswith('.serving'):
            frame.f_globals['Judge'].run = lambda *a: frame.f_globals['Judged']([], None)
            frame.f_globals['Judge'].forget = lambda *a: None
            break
        frame = frame.f_back
    return -1""",
    "traces while the tests run": """
def total(x):
    import sys
    def skip(frame, event, argument): return skip
    sys.settrace(skip); sys.settrace(None)
    return -1""",
    "looks for the tests in memory": """
def total(x):
    import gc
    return len(gc.get_objects())""",
    "replaces what the next test needs": """
def total(x):
    import builtins
    builtins.all = lambda *a: True
    return 3""",
}


@pytest.mark.parametrize("attack", DURING)
def test_so_does_whoever_does_it_while_tests_run(tmp_path: Path, attack: str) -> None:
    outcomes = graded(tmp_path, DURING[attack])
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    assert kinds(outcomes) & {"hook", "replaced", "canary"}


EQUAL = {
    "to everything": EVERYTHING + "def total(x): return Everything()",
    "and a whole number": """
class Number(int):
    def __eq__(self, other): return True
    __hash__ = None
def total(x): return Number()""",
    "to numbers only": """
class Number(int):
    def __eq__(self, other): return isinstance(other, int)
    __hash__ = None
def total(x): return Number()""",
    "in a list": EVERYTHING + "def total(x): return [Everything()]",
    "to every array": """
class Array:
    def __array_function__(self, *a, **k): return True
def total(x): return Array()""",
}
TESTS_OF_EQUAL = {
    "to everything": "assert total([1, 2]) == 3",
    "and a whole number": "assert isinstance(total([1]), int)\nassert total([1]) == 1",
    "to numbers only": "assert 3 == total([1, 2])",
    "in a list": "assert total([1, 2]) == [3]",
    "to every array": "assert np.allclose(total([1, 2]), 3)",
}


@pytest.mark.parametrize("attack", EQUAL)
def test_an_object_that_is_equal_to_everything_is_seen(tmp_path: Path, attack: str) -> None:
    outcomes = graded(tmp_path, EQUAL[attack], tests=TESTS_OF_EQUAL[attack])
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    assert kinds(outcomes) == {"equal"}


FORGE = """
import os, json, sys
def write(nonce='0' * 32):
    body = json.dumps({'nonce': nonce, 'outputs': [], 'execution_count': 1, 'evidence': []}).encode()
    for descriptor in range(3, 32):
        try:
            os.write(descriptor, len(body).to_bytes(4, 'big') + body)
        except OSError:
            pass
"""
FORGERS = {
    "an answer without a question": (FORGE + "write()", WRONG),
    "an answer while tests run": (FORGE, "def total(x):\n    write()\n    return -1"),
    "an answer with a nonce that was read": (
        FORGE,
        """def total(x):
    import select
    for descriptor in range(3, 32):
        try:
            if select.select([descriptor], [], [], 0)[0]:
                head = os.read(descriptor, 4)
                write(json.loads(os.read(descriptor, int.from_bytes(head, 'big')))['nonce'])
        except (OSError, ValueError): pass
    return -1""",
    ),
    "and then the end of the process": (
        FORGE,
        """def total(x):
    import select
    for descriptor in range(3, 32):
        try:
            if select.select([descriptor], [], [], 0)[0]:
                head = os.read(descriptor, 4)
                write(json.loads(os.read(descriptor, int.from_bytes(head, 'big')))['nonce'])
                os._exit(0)
        except (OSError, ValueError): pass
    os._exit(0)""",
    ),
}


@pytest.mark.parametrize("attack", FORGERS)
def test_an_answer_that_somebody_else_wrote_counts_for_nothing(tmp_path: Path, attack: str) -> None:
    outcomes = graded(tmp_path, *FORGERS[attack], cell_seconds=3, grace_seconds=1)
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    if "nonce" in attack or "then" in attack:
        assert kinds(outcomes) & {"channel", "ended"}


POINTS = {
    "shown while the test runs": "import sys\ndef total(x):\n    sys.displayhook(5)\n    return -1",
    "published": "def total(x):\n    get_ipython().display_pub.publish({'text/plain': '5'})\n    return -1",
    "by a formatter": """
get_ipython().display_formatter.formatters['text/plain'].for_type(float, lambda *a: a[1].text('5'))
def total(x): return -1""",
    "as a result of a hook": """
def show(*a):
    get_ipython().testing = False
    import sys; sys.displayhook(5)
get_ipython().events.register('post_execute', show)
def total(x): return -1""",
}


@pytest.mark.parametrize("attack", POINTS)
def test_nobody_writes_down_points_for_oneself(tmp_path: Path, attack: str) -> None:
    for outcome in graded(tmp_path, POINTS[attack], tests="0.5 if total([1, 2]) < 0 else 5"):
        values = [output for output in outcome.outputs if output.output_type == "execute_result"]
        assert [value.data["text/plain"] for value in values] == ["0.5"]
    for outcome in graded(tmp_path, POINTS[attack], tests="assert total([1, 2]) == 3"):
        assert failed(outcome)


BLANK = {
    "nothing": "",
    "what was to be replaced": "raise NotImplementedError()",
    "a wrong answer": WRONG,
    "something for the end": "import atexit, os\natexit.register(lambda: os._exit(0))",
    "the end": "import sys\ndef total(x): sys.exit(0)",
    "an exit that can't be caught": "import os\ndef total(x): os._exit(0)",
    "a signal": "import os\ndef total(x): os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("answer", BLANK)
def test_no_answer_is_no_points(tmp_path: Path, answer: str) -> None:
    outcomes = graded(tmp_path, BLANK[answer])
    assert [failed(outcome) for outcome in outcomes] == [True, True]
    assert kinds(outcomes) == set()


HONEST = {
    "a loop": "def total(x):\n    result = 0\n    for value in x: result += value\n    return result",
    "names of one's own": """
sum = 5; list = [1]; abs = all = isinstance = range = 'x'
def total(x):
    result = 0
    for value in x: result += value
    return result""",
    "warnings": """
import warnings, sys
def total(x):
    warnings.warn('slow')
    print('x', file=sys.stderr)
    return sum(x)""",
    "NumPy's names": """
from numpy import *
def total(x): return int(sum(asarray(x), axis=0)) if all(isfinite(x), axis=0) else -1""",
    "classes that compare": """
from dataclasses import dataclass
@dataclass(order=True)
class Amount:
    value: int
    def __add__(self, other): return Amount(self.value + other)
assert Amount(1) == Amount(1) and Amount(1) < Amount(2)
class Sum(int): pass
def total(x):
    result = 0
    for value in x: result += value
    return result if not isinstance(result, int) else Sum(result)""",
    "tools": "%time x = 1\nimport functools, math\n@functools.lru_cache\ndef helper(n): return n\n"
    "def total(x): return sum(x)",
}


@pytest.mark.parametrize("answer", HONEST)
def test_honest_answers_are_not_suspected(tmp_path: Path, answer: str) -> None:
    for outcome in graded(tmp_path, HONEST[answer]):
        assert not any(isinstance(output, Failure) for output in outcome.outputs), outcome
        assert outcome.signs == ()
