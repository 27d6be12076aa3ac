"""Kernels with a planted mistake: what the simulator must say about each."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hpcampus_kernels.simulator import simulate
from hpcampus_kernels.simulator.launch import BUDGET

# A kernel that never ends is stopped after so many accesses.
FEW_STEPS = 200_000

NUMBERS = np.arange(1, 101, dtype=np.float32)
PLANE = np.arange(1, 121, dtype=np.float32).reshape(10, 12)
SQUARE = np.arange(256, dtype=np.float32).reshape(16, 16)


@dataclass(frozen=True)
class Planted:
    """A launch of a wrong kernel, the kind of the finding it must cause, and words of its message.

    The line of the mistake ends with `# here`; a mistake that is in no one line has none.
    """

    kernel: Any
    grid: int | tuple[int, ...]
    block: int | tuple[int, ...]
    arguments: Sequence[Any]
    kind: str
    words: str

    def __str__(self) -> str:
        return str(self.kernel.__name__)

    @property
    def line(self) -> int | None:
        """The number of the line with the mistake."""
        source, start = inspect.getsourcelines(self.kernel)
        return next((start + n for n, text in enumerate(source) if text.endswith("# here\n")), None)


def found(planted: Planted) -> None:
    """Assert that the mistake is found under three schedules, and named rightly."""
    for schedule in range(3):
        budget = FEW_STEPS if planted.kind == "endless" else BUDGET
        arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in planted.arguments]
        report = simulate(
            planted.kernel, planted.grid, planted.block, *arguments, schedule=schedule, budget=budget
        )
        named = [finding for finding in report.findings if finding.kind == planted.kind]
        assert named, str(report)
        lines = {finding.line.number for finding in named if finding.line}
        assert planted.line is None or planted.line in lines, str(report)
        if schedule == 0:
            assert any(planted.words in finding.message for finding in named), str(report)


def new(*shape: int) -> Any:
    """Zeros to write into."""
    return np.zeros(shape, np.float32)
