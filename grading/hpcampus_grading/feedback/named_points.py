"""The named points of an exercise's check, found in what it printed.

A check says them over several lines (`  It stays inside its arrays (passed: 5 of 5 launches)`) or in one
(`bounds 5/5, work 4/5: one launch lost an update`). What doesn't look like either is left as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_POINT = re.compile(
    r"  (?P<name>\S.{0,100}) \((?:(?:passed|failed): (?P<earned>\d{1,6}) of (?P<possible>\d{1,6}) \w+"
    r"|not checked here)\)"
)
_WORDS = re.compile(r"    (?P<words>\S.*)")
_HEADLINE = re.compile(r"[\w-]+: (?:everything is right|not there yet)")
_SHORT = re.compile(
    r"(?:^|, )(?P<name>[a-z][a-z0-9 -]{0,40}?) "
    r"(?:(?P<earned>\d{1,6})/(?P<possible>\d{1,6})|not checked here)(?::(?= ))?"
)


@dataclass(frozen=True)
class NamedPoint:
    """One thing that a check asked for; `possible` 0 where it could not be seen."""

    name: str
    earned: int
    possible: int
    words: str = ""

    @property
    def verdict(self) -> str:
        """Full, some, none, or unseen."""
        if not self.possible:
            return "unseen"
        if self.earned >= self.possible:
            return "full"
        return "some" if self.earned else "none"


def found_in(text: str) -> tuple[tuple[NamedPoint, ...], str]:
    """The points that a text holds, and the rest of it."""
    points: list[NamedPoint] = []
    rest: list[str] = []
    explained = True
    """Whether the point before has its words, or there is none."""
    for line in text.split("\n"):
        if point := _POINT.fullmatch(line):
            points.append(_named(point))
            explained = False
        elif not explained and (words := _WORDS.fullmatch(line)):
            points[-1] = replace(points[-1], words=words["words"])
            explained = True
        else:
            short = tuple(_in_short(line))
            points += short
            rest += [] if short else [line]
            explained = True
    if not points:
        return (), text
    return tuple(points), "\n".join(line for line in rest if not _HEADLINE.fullmatch(line)).strip("\n")


def _in_short(line: str) -> Iterator[NamedPoint]:
    found = list(_SHORT.finditer(line))
    if not found or found[0].start() != 0:
        return
    ends = [*(match.start() for match in found[1:]), len(line)]
    for match, end in zip(found, ends, strict=True):
        yield replace(_named(match), words=line[match.end() : end].strip())


def _named(match: re.Match[str]) -> NamedPoint:
    return NamedPoint(match["name"], int(match["earned"] or 0), int(match["possible"] or 0))
