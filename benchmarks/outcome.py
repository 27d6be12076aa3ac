"""What every benchmark does with its figures: a table for people, a file for programs."""

import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine(*packages: str) -> dict[str, Any]:
    """Where and with what this ran; `load` is the machine's while it did."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return {
        "cpu": next(line.partition(": ")[2] for line in lines if line.startswith("model name")),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        **{name: version(name) for name in packages},
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the others don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("nan")


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows that have the same keys."""
    cells = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for line in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def write(name: str, rows: Sequence[Mapping[str, Any]], *packages: str, **more: Any) -> None:
    """Keep the rows in results/NAME.json, with the machine as it is now."""
    keep(name, {"machine": machine(*packages), **more, "rows": list(rows)})


def keep(name: str, result: Mapping[str, Any]) -> None:
    """Keep a result in results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(_plain(result), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(f"\nWritten to {path}")


def _plain(value: Any) -> Any:
    """With null for what was not measured: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
