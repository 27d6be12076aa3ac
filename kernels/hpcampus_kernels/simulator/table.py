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

    def home(self, thread: int) -> tuple[int, int]:
        """The block of a thread, and its warp, both counted over the grid."""
        block, place = divmod(thread, self.threads)
        return block, block * -(-self.threads // self.warpsize) + place // self.warpsize

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
    """All accesses in the order of this schedule, in columns.

    `turns` has a row for each turn, as a Turn. `regions` and `bytes` go by address: which array it is of, and
    where it lies from its start (for shared memory: from the start of all shared memory of the block).
    """

    log: Log
    shape: Shape
    address: Integers
    site: Integers
    kind: Integers
    turn: Integers
    thread: Integers
    turns: Integers
    regions: Integers
    bytes: Integers

    def line(self, row: int) -> Line:
        """The line of an access."""
        return self.log.line(int(self.site[row]))

    def region_of(self, row: int) -> Region:
        """The array of an access."""
        return self.log.regions[int(self.regions[self.address[row]])]

    def element(self, row: int) -> str:
        """The element of an access, as a learner writes it."""
        return self.region_of(row).element(int(self.address[row]))

    def who(self, row: int) -> str:
        """The thread of an access, in words."""
        return self.shape.name(self.thread[row])


def tabulate(log: Log, shape: Shape) -> Table:
    """The columns of a log."""
    log.regions.sort(key=lambda region: region.base)
    rows, turns = log.accesses(), log.turns
    address, site = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
    turn = np.repeat(np.arange(len(turns)), np.diff(turns[:, 0], append=len(rows)))
    # Between two arrays an address is left free; it counts for the first.
    regions = np.repeat(np.arange(len(log.regions)), [region.size + 1 for region in log.regions])
    places = [r.bytes(np.arange(r.base, r.base + r.size + 1)) + r.byte_offset for r in log.regions]
    place = np.concatenate(places) if places else np.zeros(0, np.int64)
    return Table(log, shape, address, site, log.kinds(site), turn, turns[turn, 1], turns, regions, place)
