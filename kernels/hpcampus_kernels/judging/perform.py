"""Run a rebuilt kernel on the simulator: once looked at closely, and in other orders of its threads."""

from collections.abc import Iterable
from types import FunctionType
from typing import Any

import numpy as np

from hpcampus_kernels import findings
from hpcampus_kernels.judging.task import ORDERS, Outcome, Task, Traffic
from hpcampus_kernels.launch import observed
from hpcampus_kernels.simulator.findings import (
    BARRIER,
    OUTSIDE,
    RACE,
    REPEATED,
    SCHEDULE,
    UNWRITTEN,
    WARNING,
    Finding,
)
from hpcampus_kernels.simulator.launch import MEASURES, MEMORY, RACES, output, simulate
from hpcampus_kernels.simulator.report import Measure, Report
from hpcampus_kernels.simulator.values import UnsupportedError
from hpcampus_kernels.work import work

# What the points `bounds` and `work` have said already.
SAID = {OUTSIDE, RACE, UNWRITTEN, REPEATED}


def perform(kernel: FunctionType, task: Task) -> Outcome:
    """What comes of one launch. What the simulator can't do is words, too."""
    try:
        return _perform(kernel, task)
    except UnsupportedError as error:
        return Outcome(stopped=f"The simulator can't run this kernel: {error}.")


def _perform(kernel: FunctionType, task: Task) -> Outcome:
    run = observed(kernel, task.case, task.arguments, task.shared_bytes, task.budget)
    outside = findings.bounds(run, task.case)
    if reason := findings.stopped(run, kernel.__code__.co_filename):
        return Outcome(bounds=outside, stopped=reason)
    lost = work(run, task.rules, task.case)
    reports = [_report(kernel, task, warpsize, schedule) for warpsize, schedule in ORDERS]
    said = SAID if outside or lost else set[str]()
    return Outcome(
        bounds=outside,
        work=lost,
        order=_order(reports, said),
        after=(run.after, *(report.arrays for report in reports)),
        traffic=tuple(map(_traffic, reports[0].measures)),
    )


def _report(kernel: FunctionType, task: Task, warpsize: int, schedule: int) -> Report:
    usual = warpsize == ORDERS[0][0]
    return simulate(
        kernel,
        task.case.grid,
        task.case.block,
        *(_argument(name, value, task) for name, value in task.arguments.items()),
        warpsize=warpsize,
        schedule=schedule,
        check=(RACES, MEMORY, MEASURES) if usual else (RACES, MEMORY),
        shared_bytes=task.shared_bytes,
        budget=task.budget,
    )


def _argument(name: str, value: Any, task: Task) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    covered = task.rules.writes == "once" and name in task.rules.outputs
    return output(value.copy()) if covered else value.copy()


def _order(reports: Iterable[Report], said: set[str]) -> str | None:
    for report, (warpsize, _) in zip(reports, ORDERS, strict=True):
        # A barrier that some miss is the cause of much else.
        for finding in sorted(report.findings, key=lambda finding: finding.kind != BARRIER):
            if finding.kind in said or (finding.severity == WARNING and finding.kind != SCHEDULE):
                continue
            prefix = "" if warpsize == ORDERS[0][0] else f"With warps of {warpsize} threads, as AMD's have: "
            return f"{prefix}{_words(finding)}"
    return None


def _words(finding: Finding) -> str:
    where = f" ({finding.line})" if finding.line else ""
    return f"{finding.message.rstrip('.')}{where}."


def _traffic(measure: Measure) -> Traffic:
    addresses = [address for _, address, _ in measure.example]
    stride = addresses[1] - addresses[0] if len(addresses) > 1 else 0
    return Traffic(
        str(measure.line),
        measure.array,
        measure.space,
        measure.kind,
        measure.transfers,
        measure.ideal,
        stride,
    )
