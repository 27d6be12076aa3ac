"""Several simulated launches of one kernel: `sanitize` looks for what one launch can't show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.findings import SCHEDULE, WARNING, WARP, Finding, Findings
from hpcampus_kernels.simulator.launch import CHECKS, MEASURES, Argument, simulate
from hpcampus_kernels.simulator.log import named
from hpcampus_kernels.simulator.report import Report

# Sums of float32 in another order differ by less; a mistake differs by more.
RELATIVE = 1e-4
Arrays = Mapping[str, "np.ndarray[Any, Any]"]


def sanitize(  # noqa: PLR0913 - a launch has a shape, and a simulation its settings
    kernel: Any,
    grid: int | Sequence[int],
    block: int | Sequence[int],
    *arguments: Any,
    warpsizes: Sequence[int] = (32, 64),
    schedules: Sequence[int] = (0, 1, 2),
    check: Iterable[str] = CHECKS,
    shared_bytes: int = 0,
) -> Report:
    """Run a kernel under several schedules and warp sizes, each time on the same inputs, and report it all.

    Besides what `simulate` finds, it finds results that depend on the schedule, and kernels that are right
    with the first warp size only. Arrays end as the first launch leaves them.
    """
    found, first, checks = Findings(), None, set(check)
    for warpsize in warpsizes:
        start: Report | None = None
        for schedule in schedules:
            report = simulate(
                kernel,
                grid,
                block,
                *map(_fresh, arguments),
                warpsize=warpsize,
                schedule=schedule,
                check=checks if first is None else checks - {MEASURES},
                shared_bytes=shared_bytes,
            )
            first, start = first or report, start or report
            _merge(found, report, warpsize, warpsizes[0])
            _compare(
                found,
                SCHEDULE,
                start.arrays,
                report.arrays,
                "another order of blocks and threads gives another result",
            )
        if start is not None and first is not None:
            _compare(
                found,
                WARP,
                first.arrays,
                start.arrays,
                f"with warps of {warpsize} threads, as AMD's have, the result is another. "
                "Does the kernel take a warp for 32 threads? cuda.warpsize says how many it has",
            )
    if first is None:
        raise ValueError("there must be a warp size and a schedule to try")
    _keep(arguments, first.arrays)
    return replace(first, findings=tuple(found))


def _fresh(argument: Any) -> Any:
    if isinstance(argument, Argument):
        return replace(argument, array=argument.array.copy())
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _keep(arguments: Sequence[Any], results: Arrays) -> None:
    given = [a.array if isinstance(a, Argument) else a for a in arguments]
    for host, result in zip([a for a in given if isinstance(a, np.ndarray)], results.values(), strict=True):
        host[...] = result


def _merge(found: Findings, report: Report, warpsize: int, usual: int) -> None:
    known = {(f.kind, f.line, f.array) for f in found}
    for finding in report.findings:
        if (finding.kind, finding.line, finding.array) in known:
            continue
        if warpsize != usual and (WARP, finding.line, finding.array) not in known:
            message = f"Only with warps of {warpsize} threads: {finding.message}"
            found.add(replace(finding, kind=WARP, message=message))
        elif warpsize == usual:
            found.add(finding)


def _compare(found: Findings, kind: str, expected: Arrays, got: Arrays, why: str) -> None:
    for name, array in got.items():
        wrong = _different(expected[name], array)
        if wrong.any() and (kind, None, name) not in {(f.kind, f.line, f.array) for f in found}:
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            element = named(name, place)
            message = (
                f"{element} is {expected[name][place]} in one launch and {array[place]} in another: {why}"
            )
            found.add(Finding(kind, message, None, name, element, severity=WARNING))


def _different(
    one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]"
) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    if one.dtype.kind not in "fc":
        return np.asarray(one != other)
    scale = np.nanmax(np.abs(one), initial=0.0, where=np.isfinite(one))
    return np.asarray(~np.isclose(one, other, rtol=RELATIVE, atol=RELATIVE * 0.01 * scale, equal_nan=True))
