"""`cuda` for a machine without a GPU: the names of `numba.cuda`, on our simulator, with no CUDA installed.

A launch runs without the simulator's detectors, as fast as it can. What it meets on the way all the same (an
access outside an array, a barrier that not all threads reach, a loop without an end) is a LaunchError.
What kernels say (`cuda.grid`, `cuda.shared.array`) is the simulator's; here it only has its name.
"""

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FunctionType
from typing import Any

from hpcampus_kernels.host_arrays import (
    DeviceArray,
    device_array,
    device_array_like,
    managed_array,
    mapped_array,
    pinned_array,
    to_device,
    unwrapped,
)
from hpcampus_kernels.simulator import simulate
from hpcampus_kernels.simulator import xoroshiro as random
from hpcampus_kernels.simulator.launch import MAX_THREADS

__all__ = [
    "DeviceArray",
    "Event",
    "Kernel",
    "LaunchError",
    "Stream",
    "default_stream",
    "device_array",
    "device_array_like",
    "event",
    "event_elapsed_time",
    "is_available",
    "is_cuda_array",
    "jit",
    "managed_array",
    "mapped_array",
    "pinned",
    "pinned_array",
    "random",
    "stream",
    "synchronize",
    "to_device",
]


class LaunchError(RuntimeError):
    """A launch that the simulator had to call wrong, with the reason in words."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the words. A stack of the simulator would not help."""
        return str(self).splitlines()


class Kernel:
    """What `jit` makes of a function: `kernel[grid, block, stream, shared_bytes](*arguments)` runs it."""

    def __init__(self, function: FunctionType, *, device: bool = False, **options: Any) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.targetoptions = options
        self._device = device

    def __getitem__(self, launch: tuple[Any, ...]) -> Callable[..., None]:
        if not isinstance(launch, tuple) or not 2 <= len(launch) <= 4:
            raise ValueError("a launch is kernel[blocks, threads], with a stream and shared bytes if need be")
        if self._device:
            raise LaunchError(f"{self.py_func.__name__} is a device function: only kernels can be launched.")
        grid, block, *rest = launch
        return functools.partial(self._run, grid, block, int(rest[1]) if len(rest) == 2 else 0)

    def forall(self, tasks: int, tpb: int = 128, stream: Any = 0, sharedmem: int = 0) -> Callable[..., None]:
        """A launch with at least one thread for each task."""
        threads = min(tpb or 128, MAX_THREADS)
        return self[max(1, math.ceil(tasks / threads)), threads, stream, sharedmem]

    def __call__(self, *_arguments: Any) -> None:
        name = self.py_func.__name__
        raise LaunchError(f"{name} needs a launch: {name}[blocks, threads](...).")

    def _run(self, grid: Any, block: Any, shared: int, *arguments: Any) -> None:
        values = [unwrapped(value) for value in arguments]
        report = simulate(self.py_func, grid, block, *values, check=(), shared_bytes=shared)
        if report.errors:
            first, *others = report.errors
            where = f" ({first.line})" if first.line else ""
            more = f" There are {len(others)} more findings." if others else ""
            raise LaunchError(f"{self.py_func.__name__} was stopped: {first.message}{where}.{more}")


def jit(signature: Any = None, *, device: bool = False, **options: Any) -> Any:
    """Make a kernel, or a device function; a signature and options for the compiler change nothing here."""
    if isinstance(signature, FunctionType):
        return Kernel(signature, device=device, **options)
    return functools.partial(Kernel, device=device, **options)


class Stream:
    """A queue of launches; here all of them are done when they are called."""

    def synchronize(self) -> None:
        """Wait for what was launched."""

    @contextmanager
    def auto_synchronize(self) -> Iterator["Stream"]:
        """Wait at the end of the block."""
        yield self


class Event:
    """A moment between launches, by the clock of this machine."""

    def __init__(self) -> None:
        self.moment: float | None = None

    def record(self, stream: Any = 0) -> None:
        """Keep this moment."""
        self.moment = time.perf_counter()

    def synchronize(self) -> None:
        """Wait for it."""

    def wait(self, stream: Any = 0) -> None:
        """Let a stream wait for it."""

    def query(self) -> bool:
        """Whether it has come."""
        return self.moment is not None

    def elapsed_time(self, end: "Event") -> float:
        """Milliseconds from here to there."""
        return event_elapsed_time(self, end)


def stream() -> Stream:
    """A new stream."""
    return Stream()


def default_stream() -> Stream:
    """The stream of launches without one."""
    return Stream()


def event(timing: bool = True) -> Event:
    """A new event."""
    return Event()


def event_elapsed_time(start: Event, end: Event) -> float:
    """Milliseconds between two events."""
    if start.moment is None or end.moment is None:
        raise LaunchError("There is no time between events that were not recorded: call event.record().")
    return 1000 * (end.moment - start.moment)


def synchronize() -> None:
    """Wait for the GPU; here a launch has ended when it returns."""


def pinned(*_arrays: Any) -> Any:
    """Keep arrays where a GPU can copy them fast, for a block."""
    return nullcontext()


def is_available() -> bool:
    """Whether kernels can run: they can."""
    return True


def is_cuda_array(value: Any) -> bool:
    """Whether it is an array of the device."""
    return isinstance(value, DeviceArray)


class OnDevice:
    """The name of something that kernels use, and that means nothing outside of them."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> "OnDevice":
        if name.startswith("_") or name == "py_func":
            raise AttributeError(name)
        return OnDevice(f"{self.__name__}.{name}")

    def __call__(self, *_arguments: Any, **_options: Any) -> None:
        raise LaunchError(f"cuda.{self.__name__} works in kernels only, not outside of them.")

    def __repr__(self) -> str:
        return f"<cuda.{self.__name__}, in kernels only>"


INDICES = ("grid", "gridsize", "threadIdx", "blockIdx", "blockDim", "gridDim", "laneid", "warpsize")
MEMORY = ("shared", "local", "const", "atomic")
ORDER = ("cg", "threadfence", "threadfence_block", "threadfence_system", "nanosleep", "syncwarp")
BARRIERS = ("syncthreads", "syncthreads_count", "syncthreads_and", "syncthreads_or")
SHUFFLES = ("shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync")
VOTES = ("all_sync", "any_sync", "eq_sync", "ballot_sync", "match_any_sync", "match_all_sync")
LANES = ("activemask", "lanemask_lt")
ARITHMETIC = ("fma", "popc", "clz", "ffs", "brev", "selp", "cbrt", "libdevice", "fp16")
DEVICE_NAMES = {*INDICES, *MEMORY, *ORDER, *BARRIERS, *SHUFFLES, *VOTES, *LANES, *ARITHMETIC}


def __getattr__(name: str) -> Any:
    if name in DEVICE_NAMES:
        return OnDevice(name)
    raise AttributeError(f"the simulator's cuda has no {name}")
