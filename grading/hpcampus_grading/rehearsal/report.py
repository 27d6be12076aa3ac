"""What a rehearsal found: a row for each thing that was looked at, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One thing that was looked at, how it stands, and what to do; nothing if all is well."""

    what: str
    stands: str
    to_do: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All rows of one assignment."""

    assignment: str
    rows: tuple[Row, ...]

    @property
    def passed(self) -> bool:
        """Whether there is nothing to do."""
        return not any(row.to_do for row in self.rows)

    def __str__(self) -> str:
        width = max(len(row.what) for row in self.rows)
        lines = [self.assignment]
        lines += [f"  {'!' if row.to_do else ' '} {row.what:<{width}}  {row.stands}" for row in self.rows]
        lines += [f"    - {row.what}: {sentence}" for row in self.rows for sentence in row.to_do]
        return "\n".join(lines)


def row(what: str, well: str, to_do: Iterable[str]) -> Row:
    """A row that says `well` when there is nothing to do, and otherwise how much there is."""
    found = tuple(to_do)
    return Row(what, f"{len(found)} to do" if found else well, found)
