"""Work that a kernel left out, did twice, or lost because two threads met, from the trace of a simulated run.

A lost update is found without having to lose one: the simulator says which two threads touch one element with
nothing to order them, whatever sum came out here. Barriers and fences count (`simulator/races.py`).
"""

import numpy as np

from hpcampus_kernels.findings import Mask, element_name, first_place, missing_mistake
from hpcampus_kernels.launch import Run
from hpcampus_kernels.problem import Array, Case, Rules, Shape
from hpcampus_kernels.trace import Kind, Trace


def work(run: Run, rules: Rules, case: Case) -> str | None:
    """Work left out, done twice, or lost because two threads met."""
    if run.trace is None:
        return None
    if rules.writes == "shared":
        return _race(run.trace) or _unread(run, run.trace, rules, case)
    trace = run.trace
    outputs = [(run.after[name], name) for name in rules.outputs]
    repeated = next(filter(None, (_repeated(array, name, trace) for array, name in outputs)), None)
    unwritten = next(filter(None, (_unwritten(array, name, trace) for array, name in outputs)), None)
    # What is wrong in shared memory is the cause of what is wrong in the outputs.
    return _race_in_shared_memory(trace) or repeated or unwritten or _race(trace)


def _unwritten(array: Array, name: str, trace: Trace) -> str | None:
    missing = _missing(array, name, trace, Kind.WRITE, Kind.ATOMIC)
    if not missing.any():
        return None
    if missing.all():
        return f"Nothing was written into {name}."
    return _left_out(name, missing, "written")


def _unread(run: Run, trace: Trace, rules: Rules, case: Case) -> str | None:
    if 0 in case.size:
        return None  # with no elements there is nothing to leave out
    for name, array in run.after.items():
        missing = _missing(array, name, trace, Kind.READ)
        if name not in (*rules.outputs, *rules.scratch) and missing.any():
            return f"{_left_out(name, missing, 'read')} {missing_mistake(missing, case)}".strip()
    return None


def _missing(array: Array, name: str, trace: Trace, *kinds: Kind) -> Mask:
    missing = np.ones(array.size, np.bool_)
    missing[trace.touched(name, *kinds)[0]] = False
    return missing.reshape(array.shape)


def _left_out(name: str, missing: Mask, done: str) -> str:
    first = element_name(name, first_place(missing))
    return (
        f"{np.count_nonzero(missing)} of {missing.size} elements of {name} were never {done}, first {first}."
    )


def _repeated(array: Array, name: str, trace: Trace) -> str | None:
    elements, threads = trace.touched(name, Kind.WRITE, Kind.ATOMIC)
    # Each pair of an element and a thread once.
    pairs = np.unique(np.stack([elements, threads]), axis=1)
    writers = np.bincount(pairs[0], minlength=array.size)
    repeated = np.flatnonzero(writers > 1)
    if not len(repeated):
        return None
    first, second = map(trace.thread, pairs[1][pairs[0] == repeated[0]][:2].tolist())
    mistake = (
        "Do all blocks work on the same elements? The index must depend on the block, too."
        if repeated[0] == 0
        else "How far does a thread step on? A step of one block is too short: it must pass the whole grid."
    )
    return (
        f"{_element(name, int(repeated[0]), array.shape)} was written by {writers[repeated[0]]} threads, "
        f"{first} and {second} among them; {len(repeated)} of {array.size} elements were done more than "
        f"once. {mistake}"
    )


def _race_in_shared_memory(trace: Trace) -> str | None:
    race = next((race for race in trace.races if race.array not in trace.arguments), None)
    return f"{race.message} ({race.line})." if race else None


def _race(trace: Trace) -> str | None:
    race = next((race for race in trace.races if race.array in trace.arguments), None)
    if race is None:
        return _race_in_shared_memory(trace)
    return (
        f"{race.threads[0].capitalize()} and {race.threads[1]} both work on {race.element}, and nothing "
        f"keeps them apart ({race.line}). To add, each reads the old value and writes the sum back; when "
        "both do so at once, one addition is lost. It may go well here, but not on a GPU. Reading, adding "
        "and writing must be one step that cannot be divided: an atomic operation."
    )


def _element(name: str, element: int, shape: Shape) -> str:
    return element_name(name, tuple(int(i) for i in np.unravel_index(element, shape)))
