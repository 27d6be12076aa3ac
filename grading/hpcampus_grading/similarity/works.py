"""What learners wrote themselves: their notebooks and programs without what they were given."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hpcampus_grading.similarity.tokens import Token, tokens_of
from hpcampus_grading.similarity.winnowing import RUN, runs, winnowed

# Nobody writes a longer cell; what is behind it isn't compared.
_LONGEST = 100_000


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook or a whole program; `kind` is `code` or `text`, `locked` one that holds tests."""

    name: str
    kind: str
    source: str
    locked: str = ""

    @cached_property
    def tokens(self) -> list[Token]:
        """Its tokens."""
        return tokens_of(self.kind, self.source)

    @cached_property
    def runs(self) -> list[int]:
        """The hashes of all runs of its tokens."""
        return runs([token.text for token in self.tokens])


@dataclass(frozen=True)
class Given:
    """What everybody was given: whole cells, the names of locked ones, lines, and runs of tokens."""

    sources: frozenset[str]
    locked: frozenset[str]
    lines: frozenset[str]
    runs: frozenset[int]


@dataclass(frozen=True)
class Part:
    """A cell of somebody's own. `marks` are fingerprints by where they begin, `own` the tokens not given."""

    cell: Cell
    marks: dict[int, int]
    own: frozenset[int]


@dataclass(frozen=True)
class Work:
    """What one learner handed in and was not given."""

    learner: str
    parts: tuple[Part, ...]

    @cached_property
    def size(self) -> int:
        """Tokens of their own."""
        return sum(len(part.own) for part in self.parts)


def given_in(folder: Path) -> Given:
    """What a release holds."""
    cells = list(_cells(folder))
    return Given(
        frozenset(cell.source.strip() for cell in cells),
        frozenset(cell.locked for cell in cells if cell.locked),
        frozenset(line.strip() for cell in cells for line in cell.source.splitlines()),
        frozenset(run for cell in cells for run in cell.runs),
    )


def work_in(folder: Path, learner: str, given: Given) -> Work:
    """What of a submission is the learner's own."""
    parts = [_part(cell, given) for cell in _cells(folder) if not _is_given(cell, given)]
    return Work(learner, tuple(part for part in parts if part.own))


def _is_given(cell: Cell, given: Given) -> bool:
    # A learner could lock a cell of their own: only the release says which ones are tests.
    return cell.source.strip() in given.sources or cell.locked in given.locked


def _part(cell: Cell, given: Given) -> Part:
    marks = {place: cell.runs[place] for place in winnowed(cell.runs) if cell.runs[place] not in given.runs}
    theirs = {place + step for place, run in enumerate(cell.runs) if run in given.runs for step in range(RUN)}
    return Part(cell, marks, frozenset(range(len(cell.tokens))) - theirs)


def _cells(folder: Path) -> Iterator[Cell]:
    for path in sorted(folder.rglob("*.ipynb")):
        yield from _of_notebook(path.stem, json.loads(path.read_bytes()))
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield Cell(path.name, "code", text[:_LONGEST])


def _of_notebook(stem: str, notebook: dict[str, Any]) -> Iterator[Cell]:
    for number, cell in enumerate(notebook["cells"], 1):
        about = cell.get("metadata", {}).get("nbgrader")
        about = about if isinstance(about, dict) else {}
        name = str(about.get("grade_id") or f"cell {number}")
        yield Cell(
            f"{stem}: {name}",
            "code" if cell["cell_type"] == "code" else "text",
            "".join(cell["source"])[:_LONGEST],
            f"{stem}: {name}" if about.get("locked") and not about.get("solution") else "",
        )
