"""`cuda` as kernels see it in the simulator: indices, memory, barriers and warps."""

from collections.abc import Callable
from dataclasses import replace
from sys import _getframe
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
from numba import types

from hpcampus_kernels.simulator import xoroshiro
from hpcampus_kernels.simulator.arithmetic import converter
from hpcampus_kernels.simulator.atomics import Atomics
from hpcampus_kernels.simulator.clocks import Releases
from hpcampus_kernels.simulator.findings import UNINITIALISED, WARP, Finding, Findings
from hpcampus_kernels.simulator.intrinsics import Intrinsics
from hpcampus_kernels.simulator.log import Line, Log, Region, Site, line_of
from hpcampus_kernels.simulator.memory import UNSET, DeviceArray, LocalArray, Memory, device_array, unset
from hpcampus_kernels.simulator.static import TRUTH, Static, of_type
from hpcampus_kernels.simulator.table import Shape
from hpcampus_kernels.simulator.threads import BLOCK, GRID, SPIN, VOTE, Dim3, Thread, Wait
from hpcampus_kernels.simulator.values import UnsupportedError, as_dtype, elements

# After so many atomic operations in a row that changed nothing, a thread lets others run.
IDLE = 32
ALL_LANES = {-1, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF}
MAX_SHARED_BYTES = 48 * 1024


class Device(Intrinsics):
    """Stands where kernels say `cuda`. One for each launch, so that launches don't meet."""

    def __init__(self, shape: Shape, log: Log | None, findings: Findings, dynamic_bytes: int) -> None:
        self.gridDim, self.blockDim, self.warpsize = shape.grid, shape.block, shape.warpsize
        self.threadIdx = self.blockIdx = Dim3(0, 0, 0)
        self.laneid = 0
        self.thread: Thread
        self.log, self.findings, self.dynamic_bytes = log, findings, dynamic_bytes
        # As numba.cuda has it for 32 lanes: some masks have a sign.
        signed, natural = (types.int32, types.uint32) if self.warpsize <= 32 else (types.int64, types.uint64)
        self._signed, self._natural = converter(signed), converter(natural)
        self.lanes_as: dict[str, Static] = {
            **dict.fromkeys(("ballot_sync", "match_any_sync"), of_type(signed)),
            "match_all_sync": (of_type(signed), TRUTH),
            **dict.fromkeys(("activemask", "lanemask_lt"), of_type(natural)),
        }
        self.sites: list[Site] = log.sites if log else []
        self.branches: list[int] = []
        self.releases = Releases()
        self.atomic = Atomics(self)
        self.shared = SimpleNamespace(array=self._shared_array)
        self.local = SimpleNamespace(array=self._local_array)
        self.const = SimpleNamespace(array_like=self.constant)
        self.random = xoroshiro
        self.whole_grid = SimpleNamespace(sync=self._grid_sync)
        self.cg = SimpleNamespace(this_grid=lambda: self.whole_grid)
        self.parts: tuple[Any, ...] = (
            self,
            self.atomic,
            self.shared,
            self.local,
            self.const,
            self.cg,
            self.whole_grid,
        )

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no cuda.{name}")

    def enter(self, thread: Thread) -> None:
        """This thread goes on."""
        self.thread, self.threadIdx, self.blockIdx = thread, thread.index, thread.block.index
        self.laneid = thread.lane

    def running(self) -> Thread:
        """The thread that runs."""
        return self.thread

    def who(self) -> str:
        """The thread that runs, in words."""
        return str(self.thread)

    # Indices.

    def grid(self, dimensions: int) -> Any:
        """The thread's place in the whole grid."""
        places = self.thread.place
        return places[0] if dimensions == 1 else places[:dimensions]

    def gridsize(self, dimensions: int) -> Any:
        """The threads of the whole grid."""
        extents = tuple(b * size for b, size in zip(self.gridDim, self.blockDim, strict=True))
        return extents[0] if dimensions == 1 else extents[:dimensions]

    # Memory.

    def _shared_array(self, place: Any, name: str, shape: Any, dtype: Any) -> DeviceArray:
        """One for each block and each place in the source; the translator gives place and name."""
        known: DeviceArray | None = self.thread.block.shared.get(place)
        if known is not None:
            return known
        kind, extent = as_dtype(dtype), shape if isinstance(shape, tuple) else (int(shape),)
        if extent == (0,):
            return self._dynamic_array(name, kind)
        array = self.thread.block.shared[place] = self._declare(name or "shared", extent, kind)
        return array

    def _dynamic_array(self, name: str, kind: np.dtype[Any]) -> DeviceArray:
        """The one dynamic array, which any place in the source may ask for."""
        shared = self.thread.block.shared
        if "dynamic" not in shared:
            shared["dynamic"] = self._declare(name, (self.dynamic_bytes // kind.itemsize,), kind)
        array: DeviceArray = shared["dynamic"]
        if array.dtype != kind:
            raise UnsupportedError(
                f"the simulator can't see one dynamic shared array as {array.dtype} and as {kind}"
            )
        return array

    def _declare(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> DeviceArray:
        block = self.thread.block
        offset = -(-block.shared_bytes // 16) * 16
        region = Region(name, 0, shape, dtype, block.number, offset, defined=False)
        block.shared_bytes = offset + region.size // region.width * dtype.itemsize
        if block.shared_bytes > MAX_SHARED_BYTES:
            raise UnsupportedError(
                f"{block.shared_bytes} bytes of shared memory: a block has {MAX_SHARED_BYTES}"
            )
        if self.log is not None:
            region = replace(region, base=self.log.place(region.size))
            self.log.regions.append(region)
        return device_array(self.memory(region, unset(region), self.log))

    def memory(self, region: Region, values: list[Any], log: Log | None) -> Memory:
        """The memory of an array."""
        return Memory(region, values, log, self.running, self.findings.add, self.sites)

    def _local_array(self, _place: Any, name: str, shape: Any, dtype: Any) -> DeviceArray:
        shape = tuple(shape) if isinstance(shape, (tuple, list)) else (int(shape),)
        region = Region(name or "local", 0, shape, as_dtype(dtype))
        elements = unset(region) if region.dtype.names else [UNSET] * region.size
        return LocalArray(self.memory(region, elements, None), self._unread)

    def _unread(self, element: str, line: Line) -> None:
        name, who = element.partition("[")[0], self.who()
        message = f"{who.capitalize()} reads {element} before it wrote it; a local array starts with anything"
        self.findings.add(Finding(UNINITIALISED, message, line, name, element, (who,)))

    def constant(self, values: Any, name: str = "constant") -> DeviceArray:
        """An array that kernels can only read."""
        if isinstance(values, DeviceArray):
            return values
        array = np.asarray(values)
        region = Region(name, 0, array.shape, as_dtype(array.dtype))
        return device_array(self.memory(region, elements(array), None))

    # Barriers and fences.

    # What waits gives what it waits for; the translator puts a `yield` around it.

    def idle(self) -> bool:
        """Whether the thread has done nothing for long but atomic operations that changed nothing."""
        thread = self.thread
        idle = thread.idle >= IDLE
        thread.idle = 0 if idle else thread.idle
        return idle

    def spin(self, line: Line) -> Wait:
        """Let others run."""
        return Wait(SPIN, "a spin-wait", line)

    def syncthreads(self) -> Wait:
        """Wait for all threads of the block."""
        return Wait(BLOCK, "syncthreads", line_of(_getframe(1)))

    def syncthreads_count(self, predicate: Any) -> Wait:
        """Wait, and count those for whom it is true."""
        return self._reduce(predicate, lambda all_: sum(map(bool, all_)), _getframe(1))

    def syncthreads_and(self, predicate: Any) -> Wait:
        """Wait, and say whether it is true for all."""
        return self._reduce(predicate, lambda all_: int(all(all_)), _getframe(1))

    def syncthreads_or(self, predicate: Any) -> Wait:
        """Wait, and say whether it is true for any."""
        return self._reduce(predicate, lambda all_: int(any(all_)), _getframe(1))

    def _reduce(self, value: Any, reduce: Callable[[list[Any]], Any], frame: FrameType) -> Wait:
        def answer(values: dict[int, Any]) -> dict[int, Any]:
            return dict.fromkeys(values, reduce(list(values.values())))

        return Wait(BLOCK, "syncthreads", line_of(frame), value, answer=answer)

    def _grid_sync(self) -> Wait:
        """Wait for all threads of the grid."""
        return Wait(GRID, "grid.sync", line_of(_getframe(1)))

    def threadfence(self) -> None:
        """What was done before is seen by all before what is done after."""
        self._fence(everywhere=True)

    def threadfence_system(self) -> None:
        """The same, for other devices too."""
        self._fence(everywhere=True)

    def threadfence_block(self) -> None:
        """The same, for the own block only."""
        self._fence(everywhere=False)

    def _fence(self, everywhere: bool) -> None:
        thread, log = self.thread, self.log
        if log is None:
            return
        known = dict(thread.knowledge.acquired or {})
        known["t", thread.number] = (len(log.turns),)
        known["b", thread.block.number] = (thread.block.epoch,)
        known["w", thread.warp] = (thread.block.epoch, thread.warp_epoch)
        thread.knowledge.fenced_block = known
        if everywhere:
            thread.knowledge.fenced = known
        self.new_turn()

    def new_turn(self) -> None:
        """From here on this thread knows more, or has released what came before."""
        thread = self.thread
        if self.log is not None:
            epoch = thread.block.epoch
            self.log.turn(thread.number, epoch, thread.warp_epoch, thread.knowledge.acquired)

    def nanosleep(self, _nanoseconds: int) -> Wait:
        """Let others run."""
        return Wait(SPIN, "nanosleep", line_of(_getframe(1)))

    # Warps.

    def _lanes(self, mask: Any, name: str, line: Line) -> frozenset[int]:
        if int(mask) in ALL_LANES:
            return frozenset(range(self.warpsize))
        lanes = frozenset(lane for lane in range(self.warpsize) if int(mask) >> lane & 1)
        if self.laneid in lanes:
            return lanes
        message = f"{self.who().capitalize()} is lane {self.laneid}, but the mask of its {name} leaves it out"
        self.findings.add(Finding(WARP, message, line, threads=(self.who(),)))
        return lanes | {self.laneid}

    def _exchange(self, name: str, mask: Any, value: Any, answer: Callable[[dict[int, Any]], Any]) -> Wait:
        line = line_of(_getframe(2))
        return Wait(VOTE, name, line, value, self._lanes(mask, name, line), answer)

    def syncwarp(self, mask: Any = -1) -> Wait:
        """Wait for the lanes of the warp."""
        return self._exchange("syncwarp", mask, None, lambda values: {})

    def _shuffle(self, name: str, mask: Any, value: Any, source: int) -> Wait:
        own, line, thread = self.laneid, line_of(_getframe(2)), self.thread

        def answer(values: dict[int, Any]) -> dict[int, Any]:
            if source not in values:
                who = str(thread)
                message = (
                    f"{who.capitalize()} takes the value of lane {source} by {name}, which takes no part"
                )
                self.findings.add(Finding(WARP, message, line, threads=(who,)))
            return {own: values.get(source, values[own])}

        return Wait(VOTE, name, line, value, self._lanes(mask, name, line), answer)

    def shfl_sync(self, mask: Any, value: Any, source: Any) -> Wait:
        """The value of that lane."""
        return self._shuffle("shfl_sync", mask, value, int(source) % self.warpsize)

    def shfl_up_sync(self, mask: Any, value: Any, delta: Any) -> Wait:
        """The value of the lane so many below; the own value if there is none."""
        source = self.laneid - int(delta)
        return self._shuffle("shfl_up_sync", mask, value, source if source >= 0 else self.laneid)

    def shfl_down_sync(self, mask: Any, value: Any, delta: Any) -> Wait:
        """The value of the lane so many above; the own value if there is none."""
        source = self.laneid + int(delta)
        return self._shuffle("shfl_down_sync", mask, value, source if source < self.warpsize else self.laneid)

    def shfl_xor_sync(self, mask: Any, value: Any, flip: Any) -> Wait:
        """The value of the lane whose number differs in these bits."""
        source = self.laneid ^ int(flip)
        return self._shuffle("shfl_xor_sync", mask, value, source if source < self.warpsize else self.laneid)

    def all_sync(self, mask: Any, predicate: Any) -> Wait:
        """Whether it is true for all lanes."""
        return self._exchange("all_sync", mask, predicate, lambda v: dict.fromkeys(v, all(v.values())))

    def any_sync(self, mask: Any, predicate: Any) -> Wait:
        """Whether it is true for any lane."""
        return self._exchange("any_sync", mask, predicate, lambda v: dict.fromkeys(v, any(v.values())))

    def eq_sync(self, mask: Any, predicate: Any) -> Wait:
        """Whether it is the same for all lanes."""
        return self._exchange(
            "eq_sync", mask, bool(predicate), lambda v: dict.fromkeys(v, len(set(v.values())) == 1)
        )

    def ballot_sync(self, mask: Any, predicate: Any) -> Wait:
        """The lanes for which it is true, as bits."""

        def answer(values: dict[int, Any]) -> dict[int, Any]:
            return dict.fromkeys(values, self._signed(_bits(values, bool)))

        return self._exchange("ballot_sync", mask, predicate, answer)

    def match_any_sync(self, mask: Any, value: Any) -> Wait:
        """The lanes with the same value, as bits."""

        def answer(values: dict[int, Any]) -> dict[int, Any]:
            same: dict[Any, int] = {}
            for lane, theirs in values.items():
                same[theirs] = same.get(theirs, 0) | 1 << lane
            return {lane: self._signed(same[theirs]) for lane, theirs in values.items()}

        return self._exchange("match_any_sync", mask, value, answer)

    def match_all_sync(self, mask: Any, value: Any) -> Wait:
        """All lanes as bits and True if they have one value, else 0 and False."""

        def answer(values: dict[int, Any]) -> dict[int, Any]:
            same = len(set(values.values())) == 1
            lanes = self._signed(_bits(values, lambda _: True))
            return dict.fromkeys(values, (lanes if same else 0, same))

        return self._exchange("match_all_sync", mask, value, answer)

    def activemask(self) -> Wait:
        """The lanes of the warp that come to this line together, as bits."""

        def answer(values: dict[int, Any]) -> dict[int, Any]:
            return dict.fromkeys(values, self._natural(_bits(values, lambda _: True)))

        return Wait(VOTE, "activemask", line_of(_getframe(1)), answer=answer)

    def lanemask_lt(self) -> Any:
        """The lanes below the own, as bits."""
        return self._natural((1 << self.laneid) - 1)


def _bits(values: dict[int, Any], keep: Callable[[Any], bool]) -> int:
    return sum(1 << lane for lane, value in values.items() if keep(value))
