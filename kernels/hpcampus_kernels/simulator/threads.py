"""The threads of a launch, taking turns: one generator each, which yields what the thread waits for.

A thread runs until it ends, waits (for its block or its warp) or spins. Blocks run one after the other, in
an order that follows from the schedule; a block that spins on something makes room for the next.
"""

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hpcampus_kernels.simulator.clocks import Knowledge, merged
from hpcampus_kernels.simulator.findings import BARRIER, ENDLESS, Finding
from hpcampus_kernels.simulator.log import Clock, Line, Log

BLOCK, VOTE, SPIN, GRID = "block", "vote", "spin", "grid"
# So many passes over all threads in which nobody does anything but spin mean that nobody ever will.
HOPELESS = 50


class Dim3(NamedTuple):
    """An index or an extent along x, y and z."""

    x: int
    y: int
    z: int

    def __str__(self) -> str:
        x, y, z = self
        return str((x, y, z) if z else (x, y) if y else x)


@dataclass(frozen=True)
class Wait:
    """What a thread waits for: its block, some lanes of its warp (`lanes`; None: who else comes), or luck."""

    kind: str
    name: str
    line: Line
    value: Any = None
    lanes: frozenset[int] | None = None
    answer: Callable[["dict[int, Any]"], "dict[int, Any]"] | None = None


@dataclass(eq=False)
class Thread:
    """One simulated thread; `number` and `place` are in the grid, `lane` is in its warp."""

    number: int
    index: Dim3
    place: Dim3
    block: "Block"
    warp: int
    lane: int
    run: "Generator[Wait, Any, None] | None" = field(repr=False, default=None)
    started: bool = False
    done: bool = False
    wait: Wait | None = None
    answer: Any = None
    warp_epoch: int = 0
    idle: int = 0
    knowledge: Knowledge = field(default_factory=Knowledge)

    def __str__(self) -> str:
        return f"thread {self.index} of block {self.block.index}"


@dataclass(eq=False)
class Block:
    """One block: its threads, the barriers they passed, and its shared arrays by where they are declared."""

    number: int
    index: Dim3
    threads: list[Thread] = field(default_factory=list)
    epoch: int = 0
    shared: dict[Any, Any] = field(default_factory=dict)
    shared_bytes: int = 0
    hopeless: int = 0

    def alive(self) -> list[Thread]:
        """Those that have not ended."""
        return [thread for thread in self.threads if not thread.done]

    def parked(self) -> bool:
        """Whether all that have not ended wait for the whole grid."""
        return all(thread.wait and thread.wait.kind == GRID for thread in self.alive())


@dataclass
class Scheduler:
    """Runs all threads of a launch."""

    body: Callable[[], "Generator[Wait, Any, None] | None"]
    grid: Dim3
    block: Dim3
    warpsize: int
    schedule: int
    log: Log | None
    enter: Callable[[Thread], None]
    report: Callable[[Finding], None]

    def run(self) -> None:
        """All blocks to their end, or as far as they get."""
        order = random.Random(self.schedule)  # noqa: S311 - no secret
        blocks: list[Block] = []
        try:
            for number in self._order(self.grid, order):
                blocks.append(self._start(number, order))
                blocks = [block for block in blocks if not self._advance(block)]
            while blocks:
                if all(block.parked() for block in blocks):
                    self._grid_barrier(blocks)
                elif all(block.parked() or block.hopeless >= HOPELESS for block in blocks):
                    break
                blocks = [block for block in blocks if not self._advance(block)]
            for block in blocks:
                self._stuck(block)
        finally:
            for block in blocks:
                _end(block)

    def _order(self, extent: Dim3, order: random.Random) -> list[int]:
        numbers = list(range(extent.x * extent.y * extent.z))
        if self.schedule:  # schedule 0 is the natural order
            order.shuffle(numbers)
        return numbers

    def _start(self, number: int, order: random.Random) -> Block:
        block = Block(number, index_of(number, self.grid))
        size = self.block.x * self.block.y * self.block.z
        warps = -(-size // self.warpsize)
        for place in self._order(self.block, order):
            warp = number * warps + place // self.warpsize
            index = index_of(place, self.block)
            at = Dim3(*(b * n + i for b, n, i in zip(block.index, self.block, index, strict=True)))
            thread = Thread(number * size + place, index, at, block, warp, place % self.warpsize)
            block.threads.append(thread)
        return block

    def _advance(self, block: Block) -> bool:
        """Run a block until it ends (True) or nobody in it does anything but spin (False)."""
        ready = [t for t in block.threads if not t.done and (t.wait is None or t.wait.kind == SPIN)]
        try:
            while ready:
                for thread in ready:
                    self._resume(thread)
                released = self._released(block)
                if not released and all(t.wait and t.wait.kind == SPIN for t in ready):
                    block.hopeless += 1
                    return False
                block.hopeless = 0
                ready = released + [t for t in block.threads if t.wait and t.wait.kind == SPIN]
        except BaseException:
            _end(block)
            raise
        return not block.alive()

    def _resume(self, thread: Thread) -> None:
        self.enter(thread)
        if self.log is not None:
            self.log.turn(thread.number, thread.block.epoch, thread.warp_epoch, thread.knowledge.acquired)
        try:
            if thread.started:
                assert thread.run is not None
                thread.wait = thread.run.send(thread.answer)
            else:
                self._begin(thread)
        except StopIteration:
            thread.wait, thread.done = None, True
        if self.log is not None:
            self.log.flush()

    def _begin(self, thread: Thread) -> None:
        """The first turn; a kernel that never waits is no generator, and ends in it."""
        thread.started, thread.run = True, self.body()
        if thread.run is None:
            raise StopIteration
        thread.wait = next(thread.run)

    def _released(self, block: Block) -> list[Thread]:
        """Those whose waiting is over, after all others have come as far as they can."""
        waiting = [t for t in block.threads if t.wait and t.wait.kind != SPIN]
        if not waiting:
            return []
        alive = block.alive()
        kinds = {t.wait.kind if t.wait else SPIN for t in alive}
        if kinds == {GRID}:
            return []
        if kinds <= {BLOCK, GRID}:
            return self._block_barrier(block, alive)
        released = [thread for warp in self._warps(waiting) for thread in self._votes(warp)]
        if released or any(t.wait and t.wait.kind == SPIN for t in alive):
            return released
        return self._deadlock(waiting)

    def _warps(self, waiting: list[Thread]) -> Iterator[list[Thread]]:
        for warp in {t.warp for t in waiting}:
            yield [t for t in waiting if t.warp == warp]

    def _votes(self, warp: list[Thread]) -> list[Thread]:
        """Let those lanes of a warp go on who wait for each other, and all of them have come."""
        alive = {t.lane for t in warp[0].block.alive() if t.warp == warp[0].warp}
        for first in warp:
            if first.wait is None or first.wait.kind != VOTE:
                continue
            wanted = first.wait.lanes
            here = [
                t
                for t in warp
                if t.wait
                and t.wait.kind == VOTE
                and t.wait.name == first.wait.name
                and t.wait.lanes == wanted
                and (wanted is not None or t.wait.line == first.wait.line)
            ]
            if wanted is None or (wanted & alive) <= {t.lane for t in here}:
                return _answer(here)
        return []

    def _block_barrier(self, block: Block, waiting: list[Thread]) -> list[Thread]:
        ended = [t for t in block.threads if t.done]
        waits = {t.wait.line: t for t in waiting if t.wait}
        if ended:
            self._divergence(
                waiting[0],
                f"{len(waiting)} threads of the block wait at a barrier, but "
                f"{len(ended)} have ended without it, such as {ended[0]}",
                ended[0],
            )
        elif len(waits) > 1:
            one, other = list(waits)[:2]
            self._divergence(
                waits[one],
                f"Some threads of the block wait at the barrier of line {one.number}, "
                f"others at that of line {other.number}, such as {waits[other]}",
                waits[other],
            )
        block.epoch += 1
        known = merged(t.knowledge.acquired for t in waiting)
        for thread in waiting:
            thread.warp_epoch, thread.knowledge.acquired = 0, known
        return _answer(waiting)

    def _grid_barrier(self, blocks: list[Block]) -> None:
        """All that are left wait for the grid: from now on, each knows what all have done."""
        waiting = [thread for block in blocks for thread in block.alive()]
        missing = self.grid.x * self.grid.y * self.grid.z * len(blocks[0].threads) - len(waiting)
        if missing:
            ended = next((t for block in blocks for t in block.threads if t.done), waiting[0])
            self._divergence(
                waiting[0],
                f"{len(waiting)} threads wait for the whole grid, but {missing} have ended without it",
                ended,
            )
        epochs: Clock = {("b", block.number): (block.epoch + 1,) for block in blocks}
        known = merged([*(thread.knowledge.acquired for thread in waiting), epochs])
        for block in blocks:
            block.epoch += 1
        for thread in waiting:
            thread.wait, thread.warp_epoch, thread.knowledge.acquired = None, 0, known

    def _deadlock(self, waiting: list[Thread]) -> list[Thread]:
        """Threads wait for others that wait elsewhere: report it, and let the block's barrier lose."""
        votes = [t for t in waiting if t.wait and t.wait.kind == VOTE]
        first = votes[0]
        missing = next((t for t in waiting if t.warp == first.warp and t not in votes), None)
        here = f", but {missing} waits at a barrier of the block" if missing else ", but not all come"
        name = first.wait.name if first.wait else ""
        self._divergence(
            first, f"{str(first).capitalize()} waits in {name} for lanes of its warp{here}", missing or first
        )
        return _answer([t for t in votes if t.warp == first.warp])

    def _divergence(self, thread: Thread, message: str, other: Thread) -> None:
        line = thread.wait.line if thread.wait else None
        reason = "; on a GPU the block hangs, or goes on with half of the work. All threads must pass it"
        self.report(Finding(BARRIER, message + reason, line, threads=(str(thread), str(other))))

    def _stuck(self, block: Block) -> None:
        thread = next(t for t in block.threads if t.wait)
        line = thread.wait.line if thread.wait else None
        self.report(
            Finding(
                ENDLESS,
                f"{str(thread).capitalize()} waits in a loop for a value that no other "
                "thread will write: the kernel never ends",
                line,
                threads=(str(thread),),
            )
        )


def _answer(threads: list[Thread]) -> list[Thread]:
    """Give those who waited together what they wait for."""
    first = threads[0].wait
    assert first is not None
    if first.kind == VOTE:
        _answer_lanes(threads)
    elif first.answer is not None:
        found = first.answer({t.number: t.wait.value for t in threads if t.wait})
        for thread in threads:
            thread.answer = found.get(thread.number)
    for thread in threads:
        thread.wait = None
    return threads


def _answer_lanes(threads: list[Thread]) -> None:
    values = {t.lane: t.wait.value for t in threads if t.wait}
    for thread in threads:
        found = thread.wait.answer(values) if thread.wait and thread.wait.answer else {}
        thread.answer = found.get(thread.lane)
    if threads[0].wait and threads[0].wait.name == "syncwarp":
        known = merged(t.knowledge.acquired for t in threads)
        latest = max(t.warp_epoch for t in threads) + 1
        for thread in threads:
            thread.warp_epoch, thread.knowledge.acquired = latest, known


def _end(block: Block) -> None:
    for thread in block.threads:
        if thread.run is not None:
            thread.run.close()


def index_of(number: int, extent: Dim3) -> Dim3:
    """The index with that number, x first."""
    x, rest = number % extent.x, number // extent.x
    return Dim3(x, rest % extent.y, rest // extent.y)
