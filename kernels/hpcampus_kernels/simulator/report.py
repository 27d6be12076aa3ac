"""What a simulated launch found and measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.findings import ERROR, Finding
from hpcampus_kernels.simulator.log import Line


@dataclass(frozen=True)
class Measure:
    """How well the warps used memory in one line; `space` is global, shared or atomic.

    `transfers` are sectors of 32 bytes (global), or rounds of the 32 banks (shared), and `ideal` the fewest
    that could do. `contention` is the most lanes of a warp that met at one element in an atomic operation.
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
class Report:
    """The findings, the measures, and what the arrays hold after the launch."""

    kernel: str
    findings: tuple[Finding, ...]
    measures: tuple[Measure, ...] = ()
    arrays: Mapping[str, "np.ndarray[Any, Any]"] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are mistakes; the others are warnings."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    def kinds(self) -> set[str]:
        """What the findings are about."""
        return {finding.kind for finding in self.findings}

    def __str__(self) -> str:
        lines = [f"{self.kernel}: {_number(len(self.findings))}"]
        lines += [f"  {finding}" for finding in self.findings]
        lines += ["Memory, by line:"] if self.measures else []
        lines += [f"  {measure}" for measure in self.measures]
        return "\n".join(lines)


def _number(count: int) -> str:
    return "nothing found" if not count else "1 finding" if count == 1 else f"{count} findings"
