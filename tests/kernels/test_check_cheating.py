"""Ways around the exercise: none of them earns a point that the kernel doesn't."""

import ast
import atexit
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Case, Verdict, check, cuda, findings, launch, problem, work
from hpcampus_kernels.judging import judge, perform, runner
from hpcampus_kernels.judging.frames import read_frame, write_frame
from hpcampus_kernels.judging.gate import refusal
from hpcampus_kernels.judging.submission import (
    CUDA,
    FUNCTION,
    MODULE,
    NUMBER,
    Function,
    Submission,
    submission,
)
from hpcampus_kernels.judging.task import Outcome, Task

CASES = [Case((40,), (2,), (32,))]
SAXPY = PROBLEMS["saxpy"]
ANSWERS = np.zeros(3, np.float32)


@cuda.jit
def wrong(a: Any, x: Any, y: Any) -> None:
    i = cuda.grid(1)
    if i < y.size:
        y[i] = a * x[i]


@cuda.jit
def right(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


NAMES = {"cuda": (CUDA, ""), "np": (MODULE, "numpy"), "numba": (MODULE, "numba")}


def of(source: str, **names: Any) -> Submission:
    text = "def saxpy(a, x, y):\n" + "".join(f"    {line}\n" for line in source.splitlines())
    return Submission((Function("saxpy", "cell", 1, text, NAMES | names),))


# What a kernel might try, and a part of the refusal.
TRICKS = {
    "import sys": "import sys",
    "from hpcampus_kernels import PROBLEMS": "from hpcampus_kernels import PROBLEMS",
    "y[0] = __import__('sys')": "__import__ is no name for a kernel",
    "y[0] = eval('1')": "eval means nothing in a kernel",
    "y[0] = open('/etc/passwd')": "open means nothing in a kernel",
    "y[0] = getattr(x, 'base')": "getattr means nothing in a kernel",
    "y[0] = id(x)": "id means nothing in a kernel",
    "print(x)": "print means nothing in a kernel",
    "y[0] = globals()": "globals means nothing in a kernel",
    "z = ().__class__.__base__.__subclasses__()": ".__subclasses__ is no part",
    "y.__class__ = int": ".__class__ is no part",
    "z = cuda.grid.__globals__": "cuda.grid.__globals__ is no part",
    "z = cuda.jit": "cuda.jit is no part",
    "cuda.random.np.add(x, x, y)": "cuda.random.np.add is no part",
    "cuda.atomic.log": "cuda.atomic.log is no part",
    "z = np.float32.mro()": "np.float32.mro is no part",
    "z = np.load('answers.npy')": "np.load is no part",
    "z = numba.cuda.random.np": "numba.cuda.random.np is no part",
    "z = numba.types.misc": "numba.types.misc is no part",
    "z = x.base": ".base is no part",
    "z = x.ctypes": ".ctypes is no part",
    "x.tofile('answers')": ".tofile is no part",
    "z = (i for i in x).gi_frame": ".gi_frame is no part",
    "z = [i for i in x]": "can't have this here: [i for i in x]",
    "z = lambda: 0": "can't have this here: lambda",
    "z = f'{x}'": "can't have this here: f'{x}'",
    "if (z := 1) > 0:\n    pass": "can't have this here: (z := 1)",
    "try:\n    y[0] = 1\nexcept Exception as e:\n    z = e": "can't have this here: try:",
    "with cuda.stream() as s:\n    pass": "can't have this here: with",
    "global answers": "can't have this here: global answers",
    "def inner():\n    pass": "can't have this here: def inner",
    "class Inner:\n    pass": "can't have this here: class Inner",
    "yield x": "can't have this here: (yield x)",
    "z = x is y": "can't have this here: Is",
    "del y": "can't have this here: del y",
    "assert x.size": "can't have this here: assert",
    "raise SystemExit": "can't raise exceptions",
    "raise NotImplementedError from SystemExit": "can't raise exceptions",
    "min(*x)": "can't have this here: *x",
}


@pytest.mark.parametrize("source", TRICKS)
def test_a_way_out_of_the_kernel_is_refused_by_name(source: str) -> None:
    reason = refusal(of(source))
    assert reason is not None
    assert TRICKS[source] in reason
    assert "(line " in reason


@cuda.jit
def asks_the_package(a: Any, x: Any, y: Any) -> None:
    y[:] = PROBLEMS["saxpy"].reference(a, x, y)


@cuda.jit
def asks_numpy(a: Any, x: Any, y: Any) -> None:
    if cuda.grid(1) == 0:
        np.add(a * x, y, y)


@cuda.jit
def asks_a_module(a: Any, x: Any, y: Any) -> None:
    y[0] = sys.getsizeof(x)


@cuda.jit
def registers_for_later(a: Any, x: Any, y: Any) -> None:
    atexit.register(print)


@cuda.jit
def has_an_array_of_answers(a: Any, x: Any, y: Any) -> None:
    y[0] = ANSWERS[0]


reference, solution_on_cpu = SAXPY.reference, SAXPY.cpu


@cuda.jit
def calls_the_reference(a: Any, x: Any, y: Any) -> None:
    y[0] = reference(a, x, y)


@cuda.jit
def calls_the_cpu_version(a: Any, x: Any, y: Any) -> None:
    if cuda.grid(1) == 0:
        solution_on_cpu(a, x, y)


def closing_over(secret: Any) -> Any:
    @cuda.jit
    def closes(a: Any, x: Any, y: Any) -> None:
        y[0] = secret.reference(a, x, y)

    return closes


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (asks_the_package, ".reference is no part of a kernel"),
        (asks_numpy, "np.add is no part of a kernel"),
        (asks_a_module, "sys is a sys"),
        (registers_for_later, "atexit is a atexit"),
        (has_an_array_of_answers, "ANSWERS is a ndarray"),
        (calls_the_reference, "a solution that comes with the package"),
        (calls_the_cpu_version, "a solution that comes with the package"),
        (closing_over(SAXPY), "secret is a Problem"),
        (SAXPY.gpu, "a solution that comes with the package"),
    ],
    ids=lambda value: getattr(getattr(value, "py_func", None), "__name__", None),
)
def test_a_kernel_reaches_no_answer(kernel: Any, words: str) -> None:
    verdict = check(kernel, "saxpy", CASES)
    assert not any(point.passed for point in verdict.points)
    assert words in str(verdict)


class Pretender:
    """It has the function of a wrong kernel, and does something else when it is launched."""

    py_func = wrong.py_func

    def __getitem__(self, _launch: Any) -> Any:
        return self

    def __call__(self, a: Any, x: Any, y: Any) -> None:
        y[:] = SAXPY.reference(a, x, y)[0]

    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = object.__hash__


def test_only_the_source_of_a_kernel_counts() -> None:
    assert not check(Pretender(), "saxpy", CASES)["values"].passed


def nothing_wrong(*_arguments: Any, **_options: Any) -> None:
    return None


@contextmanager
def everything_patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a cell of a notebook can exchange in its own process."""
    for module, name in ((findings, "values"), (findings, "changed"), (findings, "bounds"), (work, "work")):
        monkeypatch.setattr(module, name, nothing_wrong)
    monkeypatch.setattr(judge, "explanation", lambda *_: dict.fromkeys(judge.POINTS))
    monkeypatch.setattr(perform, "perform", lambda *_: Outcome())
    monkeypatch.setattr(launch, "observed", nothing_wrong)
    monkeypatch.setattr(problem.Tolerance, "wrong", lambda *_: np.zeros(1, np.bool_))
    monkeypatch.setattr(np, "array_equal", lambda *_: True)
    monkeypatch.setattr(np.random, "default_rng", lambda *_: None)
    monkeypatch.setenv("PYTHONSTARTUP", "cheat.py")
    monkeypatch.setenv("PYTHONPATH", "/cheat")
    kept = SAXPY.reference
    object.__setattr__(SAXPY, "reference", lambda a, x, y: (a * x,))
    before, call = np.seterr(all="call"), np.seterrcall(nothing_wrong)
    try:
        yield
    finally:
        np.seterr(**before)
        np.seterrcall(call)
        object.__setattr__(SAXPY, "reference", kept)


def test_what_is_exchanged_in_the_notebook_changes_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    with everything_patched(monkeypatch):
        lost, earned = check(wrong, "saxpy", CASES), check(right, "saxpy", CASES)
    assert not lost["values"].passed
    assert earned.passed


def test_inputs_are_other_ones_in_every_check() -> None:
    seen: list[Task] = []

    def run(task: Task) -> Outcome:
        seen.append(task)
        return Outcome(stopped="seen")

    question = {"problem": "saxpy", "cases": [], "seed": None, "require": {}, "first_only": False}
    for _ in range(2):
        judge.judged(submission(right), question, run)
    first, second = (task.arguments["x"] for task in seen)
    assert not np.array_equal(first, second)


def test_where_a_kernel_runs_no_problem_was_ever_loaded() -> None:
    script = (
        "import sys, hpcampus_kernels.judging.server\n"
        "print([name for name in sys.modules if name.startswith('hpcampus_kernels.problems.')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_function_that_never_returns_and_one_that_wants_all_memory_end() -> None:
    deep = of("y[0] = saxpy(a, x, y)", saxpy=(FUNCTION, 0))
    large = of("z = cuda.local.array(SIZE, a)\ny[0] = z[0]", SIZE=(NUMBER, ["python", str(1 << 50)]))
    for submitted in (deep, large):
        assert refusal(submitted) is None
        with runner.ForkedRunner(submitted) as run:
            outcome = run(judge.launch(SAXPY, CASES[0], 1))
        assert outcome.stopped


@pytest.mark.parametrize(
    "meaning",
    [
        ("cuda", "jit"),
        ("cuda", "grid.__globals__"),
        ("function", 7),
        ("type", ["numpy", "object_"]),
        ("math", "__loader__"),
        ("number", ["object_", "1"]),
        ("module!", "os"),
    ],
)
def test_a_forged_submission_is_refused(meaning: Any) -> None:
    assert refusal(of("y[0] = secret", secret=meaning)) == "The names in saxpy can't be read."


@pytest.mark.parametrize("source", ["not python", "import sys", "def a(): pass\nimport sys"])
def test_a_forged_source_is_refused(source: str) -> None:
    assert refusal(Submission((Function("saxpy", "cell", 1, source, {}),)))


def test_arrays_that_are_not_what_was_given_are_wrong() -> None:
    task = judge.launch(SAXPY, CASES[0], 1)
    for after in ({}, {"x": np.zeros(1)}, {"x": task.arguments["x"]}):
        words = judge.explanation(SAXPY, task, Outcome(after=(after,)))["values"]
        assert "didn't come back" in str(words)


def test_an_outcome_without_arrays_is_no_success() -> None:
    task = judge.launch(SAXPY, CASES[0], 1)
    assert judge.explanation(SAXPY, task, Outcome())["values"]


def test_a_message_brings_no_objects() -> None:
    stream = io.BytesIO()
    np.savez(stream, head=np.array([object()]))
    data = stream.getvalue()
    with pytest.raises(ValueError, match="allow_pickle"):
        read_frame(io.BytesIO(len(data).to_bytes(8, "big") + data))
    with pytest.raises(ValueError, match="too long"):
        read_frame(io.BytesIO(b"\xff" * 8))
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(b"\0" * 7))


def test_a_message_comes_through_as_it_was() -> None:
    stream, array = io.BytesIO(), np.arange(6, dtype=np.int8).reshape(2, 3)
    write_frame(stream, {"n": 1}, {"head": array})
    stream.seek(0)
    head, arrays = read_frame(stream)
    assert head == {"n": 1}
    assert np.array_equal(arrays["head"], array)


def test_a_solution_passes_the_gate_and_a_copy_of_it_is_all_there_is() -> None:
    for name, asked in PROBLEMS.items():
        submitted = submission(asked.gpu)
        assert refusal(submitted) is None, name
        assert Submission.from_data(submitted.as_data()) == submitted
        assert all(ast.parse(function.source) for function in submitted.functions)
    assert Path(submitted.kernel.file).name == "gpu.py"
    assert isinstance(check(right, "saxpy", CASES), Verdict)
