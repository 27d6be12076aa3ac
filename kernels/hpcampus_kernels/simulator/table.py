"""The log of a launch as columns, for the detectors."""

from dataclasses import dataclass

import numpy as np

from hpcampus_kernels.simulator.log import Integers, Line, Log, Region
from hpcampus_kernels.simulator.threads import Dim3, index_of


@dataclass(frozen=True)
class Shape:
    """The shape of a launch."""

    grid: Dim3
    block: Dim3
    warpsize: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.block.x * self.block.y * self.block.z

    def warps(self, threads: Integers) -> Integers:
        """The warp of each thread, counted over the grid; the last of a block may be partly empty."""
        per_block = -(-self.threads // self.warpsize)
        return threads // self.threads * per_block + threads % self.threads // self.warpsize

    def place(self, thread: int) -> tuple[Dim3, Dim3]:
        """The block of a thread, and its place in that block."""
        block, place = divmod(int(thread), self.threads)
        return index_of(block, self.grid), index_of(place, self.block)

    def name(self, thread: int) -> str:
        """A thread in words."""
        block, place = self.place(thread)
        return f"thread {place} of block {block}"


@dataclass(frozen=True)
class Table:
    """All accesses in the order of this schedule: one column each."""

    log: Log
    shape: Shape
    address: Integers
    site: Integers
    kind: Integers
    turn: Integers
    thread: Integers
    region: Integers

    def line(self, row: int) -> Line:
        """The line of an access."""
        return self.log.line(int(self.site[row]))

    def region_of(self, row: int) -> Region:
        """The array of an access."""
        return self.log.regions[int(self.region[row])]

    def element(self, row: int) -> str:
        """The element of an access, as a learner writes it."""
        return self.region_of(row).element(int(self.address[row]))

    def who(self, row: int) -> str:
        """The thread of an access, in words."""
        return self.shape.name(self.thread[row])


def tabulate(log: Log, shape: Shape) -> Table:
    """The columns of a log."""
    log.regions.sort(key=lambda region: region.base)
    rows = log.accesses()
    starts = np.array([turn.start for turn in log.turns] or [0], np.int64)
    turns = np.searchsorted(starts, np.arange(len(rows)), side="right") - 1
    threads = np.array([turn.thread for turn in log.turns] or [0], np.int64)[turns]
    bases = np.array([region.base for region in log.regions] or [0], np.int64)
    address, site = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
    regions = np.searchsorted(bases, address, side="right") - 1
    return Table(log, shape, address, site, log.kinds(site), turns, threads, regions)
