"""Which thread of a simulated launch touched which element, and how.

What a stray access would do on a GPU (nothing, a crash, damage elsewhere) is not imitated: it is written
down, a read gives 0, a write is dropped, and the kernel runs on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from hpcampus_kernels import problem
from hpcampus_kernels.backend import Thread
from hpcampus_kernels.problem import Array
from hpcampus_kernels.simulator.findings import Finding
from hpcampus_kernels.simulator.launch import Observation
from hpcampus_kernels.simulator.log import KINDS, Integers, Line
from hpcampus_kernels.simulator.races import races
from hpcampus_kernels.simulator.table import Shape, Table


class Kind(Enum):
    """How an element was touched."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "atomic"


class Stray(NamedTuple):
    """One access outside an array of that shape, at the indices `place`."""

    array: str
    shape: problem.Shape
    place: problem.Shape
    kind: Kind
    thread: Thread
    line: Line


@dataclass(frozen=True)
class Trace:
    """All accesses to the arguments of one launch, those outside an array, and the races in any memory."""

    arguments: frozenset[str]
    strays: list[Stray]
    races: list[Finding]
    _table: Table

    def touched(self, name: str, *kinds: Kind) -> tuple[Integers, Integers]:
        """The elements of an argument that were touched in these ways, counted in C order, and by whom."""
        table = self._table
        own = [r for r in table.log.regions if r.name == name and not r.shared and name in self.arguments]
        if not own:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        wanted = np.array([Kind(kind) in kinds for kind in KINDS])
        here = np.zeros(table.log.addresses, np.bool_)
        here[own[0].base : own[0].base + own[0].size] = True
        rows = np.flatnonzero(here[table.address] & wanted[table.kind])
        return table.address[rows] - own[0].base, table.thread[rows]

    def thread(self, number: int) -> Thread:
        """The thread of that number in the grid."""
        return _thread(self._table.shape, number)


def traced(seen: Observation, arrays: Mapping[str, Array]) -> Trace:
    """What was seen of a launch with these arguments. Of one that stopped, only the strays count."""
    strays = [
        Stray(
            s.array,
            s.shape,
            s.place,
            Kind.WRITE if s.changed else Kind.READ,
            _thread(seen.table.shape, s.thread),
            s.line,
        )
        for s in seen.strays
        if s.line is not None
    ]
    found = list(races(seen.table)) if seen.error is None else []
    return Trace(frozenset(arrays), strays, found, seen.table)


def _thread(shape: Shape, number: int) -> Thread:
    block, place = shape.place(number)
    return Thread((*block,), (*place,))
