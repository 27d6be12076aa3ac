"""What the sandbox costs each submission, layer by layer, without any learner's code."""

import statistics
import time
from pathlib import Path
from typing import Any

from hpcampus_grading.sandbox.keeping import end_warm_parent
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.session import Session

SESSIONS = 40


def by_layer(folder: Path) -> list[dict[str, Any]]:
    """Milliseconds in the middle of many starts: each layer, all layers, and the rest, which is forking."""
    files = folder / "files"
    files.mkdir()
    plan = Plan(files=files, imports=("numpy", "numba"))
    layers: dict[str, list[float]] = {}
    starts, ends = [], []
    with Session(plan):
        pass
    for _ in range(SESSIONS):
        began = time.perf_counter()
        with Session(plan) as session:
            ready = time.perf_counter()
            for layer in session.layers:
                layers.setdefault(layer.name, []).append(layer.seconds)
        starts.append(ready - began)
        ends.append(time.perf_counter() - ready)
    end_warm_parent()
    middle = {name: statistics.median(values) for name, values in layers.items()}
    forking = statistics.median(starts) - sum(middle.values())
    parts = {**middle, "forks and files": forking, "end of all processes": statistics.median(ends)}
    rows = [{"part": name, "ms": 1000 * seconds} for name, seconds in parts.items()]
    return [*rows, {"part": "all", "ms": 1000 * sum(parts.values())}]
