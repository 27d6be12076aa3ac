"""What is wrong with a kernel, once for each place in the source, in words for the person who wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hpcampus_kernels.simulator.log import Line

# What a finding can be about.
OUTSIDE = "outside"
RACE = "race"
BARRIER = "barrier"
UNINITIALISED = "uninitialised"
UNWRITTEN = "unwritten"
REPEATED = "repeated"
ENDLESS = "endless"
STOPPED = "stopped"
WARP = "warp"
SCHEDULE = "schedule"
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """One mistake: its kind, what happened, and where. `count` is how often it was seen at this place.

    Of an access outside an array, `thread` is the number of the thread in the grid, `place` the index,
    `shape` that of the array, and `changed` whether it was to be changed.
    """

    kind: str
    message: str
    line: Line | None = None
    array: str = ""
    element: str = ""
    threads: tuple[str, ...] = ()
    severity: str = ERROR
    count: int = 1
    thread: int = -1
    place: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    changed: bool = False

    def __str__(self) -> str:
        where = f" ({self.line})" if self.line else ""
        times = f" Seen {self.count} times." if self.count > 1 else ""
        return f"{self.severity}, {self.kind}: {self.message}{where}.{times}"


@dataclass
class Findings:
    """The findings so far: the first of each kind, line and array, with their number, and all strays."""

    strays: list[Finding] = field(default_factory=list)
    _found: dict[tuple[str, Line | None, str], Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep it, or count it if this place is known."""
        if finding.kind == OUTSIDE:
            self.strays.append(finding)
        key = (finding.kind, finding.line, finding.array)
        known = self._found.get(key)
        self._found[key] = replace(known, count=known.count + finding.count) if known else finding

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def kinds(self) -> set[str]:
        """What the findings so far are about."""
        return {finding.kind for finding in self}
