"""Which thread of a simulated launch touched which element, and how.

What a stray access would do on a GPU (nothing, a crash, damage elsewhere) is not imitated: it is written
down, a read gives 0, a write is dropped, and the kernel runs on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from hpcampus_kernels.backend import Thread
from hpcampus_kernels.problem import Array, Shape
from hpcampus_kernels.simulator.findings import Finding
from hpcampus_kernels.simulator.launch import Observation
from hpcampus_kernels.simulator.log import KINDS, Line
from hpcampus_kernels.simulator.races import races


class Kind(Enum):
    """How an element was touched."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "atomic"


class Access(NamedTuple):
    """One access to an element; `element` counts from 0 in the whole array, in C order."""

    array: str
    element: int
    kind: Kind
    thread: Thread
    line: Line


class Stray(NamedTuple):
    """One access outside an array of that shape, at the indices `place`."""

    array: str
    shape: Shape
    place: Shape
    kind: Kind
    thread: Thread
    line: Line


@dataclass(frozen=True)
class Trace:
    """All accesses to the arguments of one launch, those outside an array, and the races in any memory."""

    arguments: frozenset[str]
    accesses: list[Access]
    strays: list[Stray]
    races: list[Finding]


def traced(seen: Observation, arrays: Mapping[str, Array]) -> Trace:
    """What was seen of a launch with these arguments. Of one that stopped, only the strays count."""
    strays = [
        Stray(
            s.array,
            arrays[s.array].shape,
            s.place,
            Kind.READ if " read " in s.message else Kind.WRITE,
            thread,
            s.line,
        )
        for s in seen.strays
        if s.array in arrays and s.line is not None
        for thread in [_thread(seen, s.thread)]
    ]
    if seen.error is not None:
        return Trace(frozenset(arrays), [], strays, [])
    return Trace(frozenset(arrays), _accesses(seen, arrays), strays, list(races(seen.table)))


def _accesses(seen: Observation, arrays: Mapping[str, Array]) -> list[Access]:
    table, lines, threads = seen.table, dict[int, Line](), dict[int, Thread]()
    accesses = []
    for row in range(len(table.address)):
        region, site, number = table.region_of(row), int(table.site[row]), int(table.thread[row])
        if region.name not in arrays or region.shared:
            continue
        line = lines.get(site) or lines.setdefault(site, table.log.line(site))
        thread = threads.get(number) or threads.setdefault(number, _thread(seen, number))
        element = int(table.address[row]) - region.base
        accesses.append(Access(region.name, element, Kind(KINDS[table.kind[row]]), thread, line))
    return accesses


def _thread(seen: Observation, number: int) -> Thread:
    block, place = seen.table.shape.place(number)
    return Thread((*block,), (*place,))
