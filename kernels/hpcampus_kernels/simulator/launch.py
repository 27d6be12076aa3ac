"""One simulated launch: `simulate`."""

import inspect
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.convert import Converter, python_function
from hpcampus_kernels.simulator.coverage import coverage, uninitialised
from hpcampus_kernels.simulator.device import Device
from hpcampus_kernels.simulator.divergence import branches
from hpcampus_kernels.simulator.findings import ENDLESS, STOPPED, Finding, Findings
from hpcampus_kernels.simulator.log import Line, Log, Region
from hpcampus_kernels.simulator.measure import measures
from hpcampus_kernels.simulator.memory import DeviceArray, device_array
from hpcampus_kernels.simulator.races import races
from hpcampus_kernels.simulator.report import Branch, Measure, Report
from hpcampus_kernels.simulator.table import Shape, Table, tabulate
from hpcampus_kernels.simulator.threads import Dim3, Scheduler
from hpcampus_kernels.simulator.values import UnsupportedError, as_dtype, elements, restore, scalar
from hpcampus_kernels.simulator.watchdog import OverBudgetError, watchdog

# What can be asked for. Bounds, barriers and endless loops are always looked for.
RACES, MEMORY, MEASURES = CHECKS = ("races", "memory", "measures")
BUDGET = 3_000_000
# Without a log nobody sees steps, only that it takes long.
STILL_SECONDS, UNSEEN_SECONDS = 2.0, 60.0
MAX_THREADS = 1024


@dataclass(frozen=True, eq=False)
class Argument:
    """An array, whether it holds anything yet, and whether all of it is to be written."""

    array: "np.ndarray[Any, Any]"
    defined: bool = True
    covered: bool = False


def output(array: "np.ndarray[Any, Any]", *, defined: bool = True) -> Argument:
    """An argument whose every element is to be written, each by one thread."""
    return Argument(array, defined, covered=True)


def undefined(shape: int | tuple[int, ...], dtype: Any) -> Argument:
    """A new array that holds anything, like `cuda.device_array`: reading it before a write is wrong."""
    kind = as_dtype(dtype)
    size = int(np.prod(shape, dtype=np.int64))
    return Argument(
        np.frombuffer(b"\xff" * (size * kind.itemsize), kind).reshape(shape).copy(), defined=False
    )


def simulate(  # noqa: PLR0913 - a launch has a shape, and a simulation its settings
    kernel: Any,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    *arguments: Any,
    warpsize: int = 32,
    schedule: int = 0,
    check: Iterable[str] = CHECKS,
    shared_bytes: int = 0,
    budget: int = BUDGET,
) -> Report:
    """Run a kernel once on simulated threads and report what is wrong with it.

    The kernel is a plain function or a @cuda.jit one. Arrays are changed in place, as on a device; `output`
    and `undefined` say more about one. `schedule` is the order of blocks and threads: 0 the natural one, any
    other a random one. `check` names what to look for besides bounds, barriers and endless loops: "races",
    "memory" (uninitialised, unwritten, written twice), "measures"; nothing makes it fast. `shared_bytes` is
    the dynamic shared memory, `budget` the accesses after which a kernel counts as endless. A mistake in the
    kernel is a finding; only what the simulator can't do is an exception, an UnsupportedError.
    """
    wanted = set(check)
    if unknown := wanted - set(CHECKS):
        raise ValueError(f"there is no check {', '.join(sorted(unknown))}; there are: {', '.join(CHECKS)}")
    function = python_function(kernel)
    shape = Shape(extent(grid, "grid"), extent(block, "block"), warpsize)
    if shape.threads > MAX_THREADS:
        raise ValueError(f"a block has at most {MAX_THREADS} threads, not {shape.threads}")
    launch = _Launch(function, shape, Log() if wanted else None, shared_bytes, MEASURES in wanted)
    launch.run(arguments, schedule, budget)
    if isinstance(launch.error, UnsupportedError):
        raise launch.error
    return launch.report(wanted)


@dataclass(frozen=True)
class Observation:
    """One launch for others to judge: its accesses, unless something stopped it, and all that strayed."""

    table: Table
    strays: tuple[Finding, ...]
    error: BaseException | None


def observe(
    kernel: Any,
    grid: Sequence[int],
    block: Sequence[int],
    *arguments: Any,
    shared_bytes: int = 0,
    budget: int = BUDGET,
) -> Observation:
    """Run a kernel once, in the natural order of its threads, without any judgement."""
    function = python_function(kernel)
    shape = Shape(extent(grid, "grid"), extent(block, "block"), 32)
    launch = _Launch(function, shape, Log(), shared_bytes, counting=False)
    launch.run(arguments, 0, budget)
    if launch.error is not None:
        launch.log = None  # what a kernel did before it was stopped is judged by nobody
    return Observation(launch.table(), tuple(launch.findings.strays), launch.error)


def extent(given: int | Sequence[int], what: str) -> Dim3:
    values = [given] if isinstance(given, (int, np.integer)) else list(given)
    extent = Dim3(*(int(v) for v in [*values, 1, 1, 1][:3]))
    if len(values) > 3 or min(extent) < 1:
        raise ValueError(f"the {what} is one to three numbers of at least 1, not {given}")
    return extent


class _Launch:
    def __init__(
        self, function: FunctionType, shape: Shape, log: Log | None, shared_bytes: int, counting: bool
    ) -> None:
        self.function, self.shape, self.log = function, shape, log
        self.findings = Findings()
        self.device = Device(shape, log, self.findings, shared_bytes)
        self.converter = Converter(self.device, counting)
        self.error: BaseException | None = None
        self.arrays: dict[str, tuple[np.ndarray[Any, Any], DeviceArray]] = {}

    def run(self, arguments: tuple[Any, ...], schedule: int, budget: int) -> None:
        names = list(inspect.signature(self.function).parameters)
        if len(names) != len(arguments):
            raise TypeError(
                f"{self.function.__name__} takes {', '.join(names)}, but got {len(arguments)} values"
            )
        values = [self._argument(name, value) for name, value in zip(names, arguments, strict=True)]
        body, _ = self.converter.kernel(self.function, values)
        scheduler = Scheduler(
            lambda: body(*values),
            self.shape.grid,
            self.shape.block,
            self.shape.warpsize,
            schedule,
            self.log,
            self.device.enter,
            self.findings.add,
        )
        seconds = STILL_SECONDS if self.log is not None else UNSEEN_SECONDS
        try:
            with np.errstate(all="ignore"), watchdog(self.log, budget, seconds):
                scheduler.run()
        except UnsupportedError as error:
            self.error = error
        except OverBudgetError as stop:
            message = (
                "The kernel makes too many steps: it does not end. Does the index of its loop grow in every "
                "round? Does it wait for a value that nobody writes?"
            )
            self._stopped(ENDLESS, message, stop)
        except Exception as error:  # whatever a learner's kernel raises is a finding
            reason = "The kernel isn't written yet: it raises NotImplementedError"
            if not isinstance(error, NotImplementedError):
                reason = f"The kernel stopped with {type(error).__name__}: {error}"
            self._stopped(STOPPED, reason, error)
        for host, device in self.arrays.values():
            restore(host, device.elements)

    def _argument(self, name: str, value: Any) -> Any:
        given = value if isinstance(value, Argument) else Argument(value)
        array = given.array
        if not isinstance(array, np.ndarray):
            return scalar(array)
        region = Region(
            name, 0, array.shape, as_dtype(array.dtype), defined=given.defined, covered=given.covered
        )
        if self.log is not None:
            region = replace(region, base=self.log.place(region.size))
            self.log.regions.append(region)
        memory = self.device.memory(region, elements(array), self.log)
        self.arrays[name] = array, device_array(memory)
        return self.arrays[name][1]

    def _stopped(self, kind: str, message: str, error: BaseException) -> None:
        self.error = error
        file, frames = self.function.__code__.co_filename, traceback.extract_tb(error.__traceback__)
        inside = [frame.lineno for frame in frames if frame.filename == file]
        line = Line(file, inside[-1]) if inside and inside[-1] else None
        who = self.device.who() if hasattr(self.device, "thread") else ""
        self.findings.add(Finding(kind, message, line, threads=(who,)))

    def table(self) -> Table:
        """The accesses; none without a log."""
        return tabulate(self.log or Log(), self.shape)

    def report(self, wanted: set[str]) -> Report:
        found: tuple[Measure, ...] = ()
        parted: tuple[Branch, ...] = ()
        ended = not self.findings.kinds() & {ENDLESS, STOPPED}
        if self.log is not None and ended:
            table = self.table()
            detectors = {RACES: (races,), MEMORY: (uninitialised, coverage)}
            for name, functions in detectors.items():
                for detector in functions if name in wanted else ():
                    for finding in detector(table):
                        self.findings.add(finding)
            if MEASURES in wanted:
                found = tuple(measures(table))
                parted = tuple(
                    branches(self.device.branches, self.converter.loops, self.device.sites, self.shape)
                )
        arrays = {name: host for name, (host, _) in self.arrays.items()}
        source = source_lines(self.function)
        name, flops = self.function.__name__, self.converter.flops() if ended else {}
        return Report(name, tuple(self.findings), found, arrays, source, flops, parted)


def source_lines(function: FunctionType) -> tuple[Line, ...]:
    """The lines of a kernel, if they can be read."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return ()
    file = function.__code__.co_filename
    return tuple(Line(file, first + number) for number in range(len(lines)))
