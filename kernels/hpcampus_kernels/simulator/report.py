"""What a simulated launch found and measured."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.findings import ERROR, Finding
from hpcampus_kernels.simulator.log import Line
from hpcampus_kernels.simulator.page import page

# Bytes that global memory moves at once.
SECTOR = 32


@dataclass(frozen=True)
class Measure:
    """How well the warps used memory in one line; `space` is global, shared or atomic.

    `transfers` are sectors of 32 bytes (global), or rounds of the 32 banks (shared), and `ideal` the fewest
    that could do. `contention` is the most lanes of a warp that met at one element in an atomic operation.
    `example` is the first request: each lane with its byte address and its element.
    """

    line: Line
    array: str
    space: str
    kind: str
    requests: int
    transfers: int
    ideal: int
    bytes: int
    active: float
    contention: int = 0
    example: tuple[tuple[int, int, str], ...] = ()

    @property
    def ratio(self) -> float:
        """Times as many transfers as needed."""
        return self.transfers / self.ideal if self.ideal else 1.0

    def __str__(self) -> str:
        unit = "bank rounds" if self.space == "shared" else "sectors"
        meeting = f", up to {self.contention} lanes on one element" if self.contention > 1 else ""
        return (
            f"{self.line}: {self.kind} {self.array}, {self.transfers} {unit} where {self.ideal} would do "
            f"({self.ratio:.2f}x), {self.bytes} bytes, {self.active:.0%} of lanes active{meeting}"
        )


@dataclass(frozen=True)
class Branch:
    """A branch or a loop: how often a warp decided there, and in how many of these its lanes parted ways."""

    line: Line
    decisions: int
    parted: int

    def __str__(self) -> str:
        return f"{self.line}: lanes part ways in {self.parted} of {self.decisions} decisions"


@dataclass(frozen=True)
class Report:
    """The findings, the measures, and what the arrays hold after the launch.

    `flops` are the floating-point operations of all threads, by line: one for +, -, *, / and each function of
    `math`, two for `fma`; the usual number for complex ones.
    """

    kernel: str
    findings: tuple[Finding, ...]
    measures: tuple[Measure, ...] = ()
    arrays: Mapping[str, "np.ndarray[Any, Any]"] = field(default_factory=dict)
    source: tuple[Line, ...] = ()
    flops: Mapping[Line, int] = field(default_factory=dict)
    branches: tuple[Branch, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are mistakes; the others are warnings."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def bytes_moved(self) -> int:
        """Bytes that go between global memory and the processors: whole sectors, caches left aside."""
        return SECTOR * sum(measure.transfers for measure in self.measures if measure.space == "global")

    @property
    def intensity(self) -> float | None:
        """Floating-point operations for each byte moved; None where nothing moves."""
        return sum(self.flops.values()) / self.bytes_moved if self.bytes_moved else None

    def kinds(self) -> set[str]:
        """What the findings are about."""
        return {finding.kind for finding in self.findings}

    @property
    def headline(self) -> str:
        """How much was found."""
        return f"{self.kernel}: {_number(len(self.findings))}"

    @property
    def arithmetic(self) -> str:
        """The operations in all, by line, and for each byte moved."""
        by_line = ", ".join(f"line {line.number}: {count}" for line, count in sorted(self.flops.items()))
        ratio = "" if self.intensity is None else f"; {self.intensity:.2f} for each byte moved"
        return f"{sum(self.flops.values())} floating-point operations ({by_line}){ratio}"

    def show(self) -> None:
        """Display it: the code with its findings in a notebook, plain text in a terminal."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        if ipython is not None and getattr(shell, "kernel", None) is not None:
            ipython.display.display(self)
        else:
            sys.stdout.write(f"{self}\n")

    def _repr_html_(self) -> str:
        return page(self)

    def __str__(self) -> str:
        lines = [self.headline]
        lines += [f"  {finding}" for finding in self.findings]
        lines += ["Memory, by line:"] if self.measures else []
        lines += [f"  {measure}" for measure in self.measures]
        parted = [branch for branch in self.branches if branch.parted]
        lines += ["Branches:"] if parted else []
        lines += [f"  {branch}" for branch in parted]
        lines += [self.arithmetic] if self.flops else []
        return "\n".join(lines)


def _number(count: int) -> str:
    return "nothing found" if not count else "1 finding" if count == 1 else f"{count} findings"
