"""Where a kernel stopped, strayed or computed something wrong, in words for the person who wrote it.

Each detector returns None or an explanation: what happened, at which element, and the likely mistake.
"""

import re
import traceback
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpcampus_kernels.launch import GUARD, Run
from hpcampus_kernels.problem import Argument, Array, Case, Problem, Rules, Shape
from hpcampus_kernels.simulator.log import Line
from hpcampus_kernels.simulator.watchdog import OverBudgetError
from hpcampus_kernels.trace import Kind, Stray

Mask = NDArray[np.bool_]
# What each output must hold.
Expected = Mapping[str, Array]


def stopped(run: Run, kernel_file: str) -> str | None:
    """Why the kernel, whose source is in that file, did not run to its end."""
    if run.error is None:
        return None
    if isinstance(run.error, NotImplementedError):
        return "The kernel isn't written yet: it raises NotImplementedError."
    if isinstance(run.error, OverBudgetError):
        return "The kernel does not end. Does the index of its loop grow in every round?"
    # The simulator puts the thread in front of the message.
    message = re.sub(r"^tid=\[.*?\] ctaid=\[.*?\](: )?", "", str(run.error)).strip()[:500]
    if "CUDA_ERROR" in message:
        return (
            f"The GPU stopped the program: {message}. Most often that is an access far outside an array. "
            "Restart the notebook's kernel before you go on."
        )
    frames = [f for f in traceback.extract_tb(run.error.__traceback__) if f.filename == kernel_file]
    line = f" ({Line(kernel_file, frames[-1].lineno or 0)})" if frames else ""
    return f"The kernel stopped with {type(run.error).__name__}: {message}{line}."


def bounds(run: Run, case: Case) -> str | None:
    """An access outside an array."""
    if run.damaged:
        arrays = " and ".join(run.damaged)
        return f"The kernel wrote outside of {arrays}, at most {GUARD} elements away. {_spare(case)}"
    if run.trace is None or not run.trace.strays:
        return None
    strays = run.trace.strays
    first = min(strays, key=lambda stray: stray.thread)
    did = "read" if first.kind is Kind.READ else "changed"
    times = f" There are {len(strays)} such accesses." if len(strays) > 1 else ""
    return (
        f"{str(first.thread).capitalize()} {did} {element_name(first.array, first.place)}, but {first.array} "
        f"{_extent(first.shape)} ({first.line}).{times} {_stray_mistake(strays, case)}"
    )


def _extent(shape: Shape) -> str:
    if 0 in shape:
        return "is empty"
    if len(shape) == 1:
        return f"has {shape[0]} elements, 0 to {shape[0] - 1}"
    return f"has the shape {shape}"


def _stray_mistake(strays: list[Stray], case: Case) -> str:
    if any(i < 0 for stray in strays for i in stray.place):
        return (
            "On a GPU a negative index reaches the end of the array, and nobody notices. "
            "Make sure that an index is not below 0, too."
        )
    if all(len(s.place) > 1 and _fits((s.place[1], s.place[0], *s.place[2:]), s.shape) for s in strays):
        return (
            "The first two indices fit the other way round: x, the first number of cuda.grid(2), "
            "runs along a row, so it is the column."
        )
    # A row outside has fewer indices than the array has dimensions.
    if all(i <= extent for stray in strays for i, extent in zip(stray.place, stray.shape, strict=False)):
        return "That is the first index behind the end: the guard lets one too many through. Is it <=, not <?"
    return _spare(case)


def _fits(place: Shape, shape: Shape) -> bool:
    return all(0 <= i < extent for i, extent in zip(place, shape, strict=False))


def _spare(case: Case) -> str:
    threads = " x ".join(map(str, case.threads))
    return (
        f"The grid has {threads} threads, and some of them have no element. "
        "Those must do nothing: put the work behind a guard, an `if` on the index."
    )


def changed(before: Mapping[str, Argument], after: Mapping[str, Array], rules: Rules) -> str | None:
    """An input that the kernel changed, or an array that isn't what it was."""
    for name, was in before.items():
        if not isinstance(was, np.ndarray):
            continue
        now = after.get(name)
        if now is None or now.shape != was.shape or now.dtype != was.dtype:
            return f"{name} didn't come back as it was given to the kernel."
        if name not in (*rules.outputs, *rules.scratch) and not _same(was, now):
            return f"The kernel changed {name}, which it should only read."
    return None


def values(after: Mapping[str, Array], expected: Expected, problem: Problem, case: Case) -> str | None:
    """A wrong element of an output."""
    for name, right in expected.items():
        if reason := _wrong_value(name, after[name], right, problem, case):
            return reason
    return None


def _same(one: Array, other: Array) -> bool:
    return one.tobytes() == other.tobytes()


def _wrong_value(name: str, got: Array, expected: Array, problem: Problem, case: Case) -> str | None:
    wrong = problem.tolerance.wrong(got, expected)
    if not wrong.any():
        return None
    place = first_place(wrong)
    untouched = " (nothing was written there)" if np.isnan(got[place]) else ""
    return (
        f"{element_name(name, place)} should be {expected[place]:.6g}, but it is "
        f"{got[place]:.6g}{untouched}. {np.count_nonzero(wrong)} of {wrong.size} elements are wrong. "
        f"{missing_mistake(wrong, case)}"
    ).strip()


def missing_mistake(missing: Mask, case: Case) -> str:
    """The mistake that leaves out exactly these elements, or nothing."""
    if missing.all():
        return ""
    if missing.ndim == 1 and np.array_equal(missing, np.arange(missing.size) >= case.threads[0]):
        return (
            f"The grid has {case.threads[0]} threads, and just the first {case.threads[0]} elements are "
            "done: a thread that has finished its element must go on, a whole grid further each time."
        )
    if missing.ndim == len(case.threads) == 2:
        row, column = np.indices(missing.shape)
        if np.array_equal(missing, (row >= case.threads[0]) | (column >= case.threads[1])):
            return (
                "Rows and columns look swapped: x, the first number of cuda.grid(2), runs along a row, "
                "so it is the column."
            )
    if missing.flat[-1] and np.count_nonzero(missing) == 1:
        return "Only the last element is missing: the guard keeps out one thread too many."
    return ""


def element_name(array: str, place: Shape) -> str:
    """An element as the kernel would write it: `rgb[2, 7, 0]`."""
    return f"{array}[{', '.join(map(str, place))}]"


def first_place(mask: Mask) -> Shape:
    """The first place at which the mask is true."""
    return tuple(int(i) for i in np.argwhere(mask)[0])
