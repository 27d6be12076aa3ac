"""Work that a kernel left out, did twice, or lost because two threads met, from the trace of a simulated run.

A lost update is found without having to lose one: the simulator says which two threads touch one element with
nothing to order them, whatever sum came out here. Barriers and fences count (`simulator/races.py`).
"""

from collections import defaultdict

import numpy as np

from hpcampus_kernels.backend import Thread
from hpcampus_kernels.findings import Mask, element_name, first_place, missing_mistake
from hpcampus_kernels.launch import Run
from hpcampus_kernels.problem import Array, Case, Rules, Shape
from hpcampus_kernels.trace import Access, Kind, Trace


def work(run: Run, rules: Rules, case: Case) -> str | None:
    """Work left out, done twice, or lost because two threads met."""
    if run.trace is None:
        return None
    if rules.writes == "shared":
        return _race(run.trace) or _unread(run, run.trace, rules, case)
    accesses = run.trace.accesses
    outputs = [(run.after[name], name) for name in rules.outputs]
    repeated = next(filter(None, (_repeated(array, name, accesses) for array, name in outputs)), None)
    unwritten = next(filter(None, (_unwritten(array, name, accesses) for array, name in outputs)), None)
    return repeated or unwritten or _race(run.trace)


def _unwritten(array: Array, name: str, accesses: list[Access]) -> str | None:
    missing = _missing(array, name, accesses, {Kind.WRITE, Kind.ATOMIC})
    if not missing.any():
        return None
    if missing.all():
        return f"Nothing was written into {name}."
    return _left_out(name, missing, "written")


def _unread(run: Run, trace: Trace, rules: Rules, case: Case) -> str | None:
    if 0 in case.size:
        return None  # with no elements there is nothing to leave out
    for name, array in run.after.items():
        missing = _missing(array, name, trace.accesses, {Kind.READ})
        if name not in (*rules.outputs, *rules.scratch) and missing.any():
            return f"{_left_out(name, missing, 'read')} {missing_mistake(missing, case)}".strip()
    return None


def _missing(array: Array, name: str, accesses: list[Access], kinds: set[Kind]) -> Mask:
    missing = np.ones(array.size, np.bool_)
    missing[[access.element for access in accesses if access.array == name and access.kind in kinds]] = False
    return missing.reshape(array.shape)


def _left_out(name: str, missing: Mask, done: str) -> str:
    first = element_name(name, first_place(missing))
    return (
        f"{np.count_nonzero(missing)} of {missing.size} elements of {name} were never {done}, first {first}."
    )


def _repeated(array: Array, name: str, accesses: list[Access]) -> str | None:
    writers: dict[int, set[Thread]] = defaultdict(set)
    for access in accesses:
        if access.array == name and access.kind is not Kind.READ:
            writers[access.element].add(access.thread)
    repeated = sorted(element for element, threads in writers.items() if len(threads) > 1)
    if not repeated:
        return None
    threads = sorted(writers[repeated[0]])
    mistake = (
        "Do all blocks work on the same elements? The index must depend on the block, too."
        if repeated[0] == 0
        else "How far does a thread step on? A step of one block is too short: it must pass the whole grid."
    )
    return (
        f"{_element(name, repeated[0], array.shape)} was written by {len(threads)} threads, {threads[0]} and "
        f"{threads[1]} among them; {len(repeated)} of {array.size} elements were done more than once. "
        f"{mistake}"
    )


def _race(trace: Trace) -> str | None:
    race = next(iter(trace.races), None)
    if race is None:
        return None
    if race.array not in trace.arguments:
        return f"{race.message} ({race.line})."
    return (
        f"{race.threads[0].capitalize()} and {race.threads[1]} both work on {race.element}, and nothing "
        f"keeps them apart ({race.line}). To add, each reads the old value and writes the sum back; when "
        "both do so at once, one addition is lost. It may go well here, but not on a GPU. Reading, adding "
        "and writing must be one step that cannot be divided: an atomic operation."
    )


def _element(name: str, element: int, shape: Shape) -> str:
    return element_name(name, tuple(int(i) for i in np.unravel_index(element, shape)))
