"""Who knows of whose work: vector clocks, kept small.

Barriers order threads of one block, and `syncwarp` those of one warp: for these, counting epochs is enough.
Anything else goes through atomic operations. A thread that calls `threadfence` and then does an atomic
operation *releases* what it knows to that element; a thread that does an atomic operation on the element
*acquires* it. (CUDA's memory model wants a fence on the acquiring side, too; the usual "last block" idiom has
none there, only a barrier, so this is not asked for.) `threadfence_block` releases to its own block only.

A clock maps a thread ("t"), a block ("b") or a warp ("w") to how much of its work is known: the turns of a
thread up to a number, the epochs of a block or a warp before one. Lamport 1978; Fidge and Mattern 1988.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hpcampus_kernels.simulator.log import Clock

Location = tuple[int, int]  # an address, and the block that a release to it is for, or -1 for all


@dataclass
class Knowledge:
    """What one thread has acquired, and what its last fences made ready for release."""

    acquired: Clock | None = None
    fenced: Clock | None = None
    fenced_block: Clock | None = None


@dataclass
class Releases:
    """What was released to each element by atomic operations."""

    _clocks: dict[Location, Clock] = field(default_factory=dict)

    def synchronise(self, knowledge: Knowledge, address: int, block: int) -> bool:
        """An atomic operation: acquire from the element, release to it. Whether something new is known."""
        before = knowledge.acquired
        heard = [self._clocks.get((address, -1)), self._clocks.get((address, block))]
        knowledge.acquired = merged([before, *heard])
        for clock, scope in ((knowledge.fenced, -1), (knowledge.fenced_block, block)):
            if clock:
                self._clocks[address, scope] = merged([self._clocks.get((address, scope)), clock]) or {}
        return knowledge.acquired != before


def merged(clocks: Iterable[Clock | None]) -> Clock | None:
    """All that any of them knows."""
    known = [clock for clock in clocks if clock]
    if len(known) < 2:
        return known[0] if known else None
    union = dict(known[0])
    for clock in known[1:]:
        for key, value in clock.items():
            union[key] = max(value, union.get(key, value))
    return union
