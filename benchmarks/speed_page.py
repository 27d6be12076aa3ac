"""Writes docs/speed.md from what was measured: no figure there is typed by hand.

    python benchmarks/speed_page.py

`benchmarks/run` does it after each benchmark. A test checks that the page says what results/*.json say.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"
TEMPLATE = "speed.md.j2"
MEASURED = ("server_start", "scheduler_load", "class_start", "soak")
OURS, STOCK, PACKED = "hpcampus", "batchspawner", "hpcampus, packed"

Rows = Mapping[str, list[dict[str, Any]]]
Found = list[tuple[float, bool]]
"""Figures, and whether each is as good as was aimed at; empty where nobody has measured it."""


def results() -> dict[str, dict[str, Any]]:
    """What was measured, by the name of the benchmark."""
    names = ("server_start", "scheduler_load", "class_start", "soak")
    return {
        name: json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8")) for name in names
    }


def figure(value: Any) -> str:
    """A value as it stands in a table: three digits that count, and never fewer than the whole part has."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    whole = len(str(abs(int(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(0, 3 - whole)}f}"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows with the same keys, in Markdown."""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([figure(cell) for cell in row.values()] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _waiting(rows: Rows, size: int, spawner: str, column: str) -> list[float]:
    found = rows["scheduler_load"]
    return [row[column] for row in found if (row["spawner"], row["asked for"]) == (spawner, size)]


def _most_rpcs(rows: Rows) -> Found:
    found = [row["RPCs a second"] for row in rows["scheduler_load"] if row["spawner"] == OURS]
    return [(max(found), max(found) <= 1.5)]


def _lag(size: int, most: float) -> Callable[[Rows], Found]:
    return lambda rows: [(lag, lag <= most) for lag in _waiting(rows, size, OURS, "lag p95 ms")]


def _times_less_lag(rows: Rows) -> Found:
    both = [_waiting(rows, 300, spawner, "lag p95 ms") for spawner in (STOCK, OURS)]
    return [(theirs / ours, theirs / ours >= 50) for theirs, ours in zip(*both, strict=True)]


def _start(rows: Rows, spawner: str, column: str) -> float | None:
    found = (row[column] for row in rows["server_start"] if row["spawner"] == spawner)
    return next(found, None)


def _part(column: str, most: float, spawner: str = OURS) -> Callable[[Rows], Found]:
    """What we need of something, as a part of what the stock spawner and the stock server need."""

    def part(rows: Rows) -> Found:
        ours, stock = (_start(rows, name, column) for name in (spawner, STOCK))
        return [(ours / stock, ours / stock <= most)] if ours is not None and stock else []

    return part


def _above_by_hand(rows: Rows) -> Found:
    above = _start(rows, OURS, "above s")
    return [] if above is None else [(above, above <= 1.0)]


def _operations(rows: Rows) -> Found:
    shared = _start(rows, PACKED, "in the environment")
    return [] if shared is None else [(shared, shared <= 1000)]


def _of_class(column: str, most: float) -> Callable[[Rows], Found]:
    return lambda rows: [(row[column], row[column] <= most) for row in rows["class_start"]]


def _refused(rows: Rows) -> Found:
    """How many of the class were not told 201 or 202."""
    answers = [row["answers"] for row in rows["class_start"]]
    refused = [sum(n for code, n in found.items() if code not in ("201", "202")) for found in answers]
    return [(number, number == 0) for number in refused]


AIMS: Mapping[str, Callable[[Rows], Found]] = {
    "requests to the scheduler a second, however many wait: at most 1.5": _most_rpcs,
    "lag of the hub's event loop, p95, while 300 wait: at most 10 ms": _lag(300, 10),
    "the same beside batchspawner: at least 50 times less": _times_less_lag,
    "the same while 1,000 wait: at most 20 ms": _lag(1000, 20),
    "from Start to ready, as a part of stock batchspawner's and server's: at most half": _part(
        "Start to ready s", 0.5
    ),
    "seconds from Start to ready above our server's own start by hand: at most 1": _above_by_hand,
    "our server's own start, as a part of the stock server's: at most half": _part("by hand s", 0.5),
    "its file operations in the environment, as a part of the stock server's: at most half": _part(
        "in the environment", 0.5
    ),
    "file operations in the environment on the shared file system, packed: at most 1,000": _operations,
    "learners of a class who are refused: none": _refused,
    "seconds until all of the class are submitted: at most 60": _of_class("all submitted s", 60),
    "the hub's answers meanwhile, p95: at most 500 ms": _of_class("page p95 ms", 500),
    "its answers to Start, p95: at most 0.5 s": _of_class("Start answered p95 s", 0.5),
}


def aims(rows: Rows) -> list[dict[str, Any]]:
    """What was aimed at, what was measured, and whether that is enough."""
    table_rows = []
    for aim, measure in AIMS.items():
        found = measure(rows)
        shown = ", ".join(figure(value) for value, _ in found) or "not measured"
        met = "yes" if found and all(good for _, good in found) else "no"
        table_rows.append({"aim": aim, "measured": shown, "met": met if found else ""})
    return table_rows


def page() -> str:
    """The text of docs/speed.md."""
    found = results()
    rows = {name: result["rows"] for name, result in found.items()}
    environment = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown of our own
    )
    environment.filters |= {"table": table, "figure": figure}
    return environment.get_template(TEMPLATE).render(found=found, aims=aims(rows))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Written to {PAGE}")
