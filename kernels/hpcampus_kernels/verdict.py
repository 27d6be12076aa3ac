"""The answer of a check: named points, and for each that was lost the reason in words."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from xml.etree import ElementTree

from hpcampus_kernels.hints import hint


class CheckFailedError(AssertionError):
    """A check that a notebook requires has failed; the message is the explanation."""

    def _render_traceback_(self) -> list[str]:
        # IPython asks for this: a learner should see the explanation, not the check's own stack.
        # Notebooks break long lines of an error in the middle of a word.
        return [line for text in str(self).splitlines() for line in textwrap.wrap(text, width=88)]


@dataclass(frozen=True)
class Point:
    """One thing that was asked for: how many launches had it, of how many, and why one had not.

    `possible` is 0 where a thing can't be seen, as a lost update can't on a GPU.
    """

    name: str
    meaning: str
    earned: int
    possible: int
    words: str = ""
    unit: str = "launches"

    @property
    def passed(self) -> bool:
        """Whether every launch had it."""
        return self.earned == self.possible

    @property
    def state(self) -> str:
        """The same in a few words."""
        if not self.possible:
            return "not checked here"
        return f"{'passed' if self.passed else 'failed'}: {self.earned} of {self.possible} {self.unit}"


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found out about one kernel. A notebook shows it as a table, a terminal as text."""

    problem: str
    points: tuple[Point, ...]

    @property
    def passed(self) -> bool:
        """Whether every point was earned."""
        return all(point.passed for point in self.points)

    def __getitem__(self, name: str) -> Point:
        found = [point for point in self.points if point.name == name]
        if not found:
            known = ", ".join(point.name for point in self.points)
            raise KeyError(f"{name!r} is none of the points: {known}")
        return found[0]

    def require(self, *names: str) -> None:
        """Raise `CheckFailedError` with the explanation unless these points (by default all) were earned."""
        wanted = [self[name] for name in names] if names else list(self.points)
        lost = [point for point in wanted if not point.passed]
        if lost:
            explanation = "\n".join(words for _, words in _said_once(lost) if words)
            raise CheckFailedError(f"{self.problem}: {explanation}")

    @property
    def summary(self) -> str:
        """All points in a line: `bounds 5/5, work 4/5: ...`."""
        shown = []
        for point, words in _said_once(self.points):
            score = f"{point.earned}/{point.possible}" if point.possible else point.state
            shown.append(f"{point.name} {score}" + (f": {words}" if words else ""))
        return ", ".join(shown)

    def hint(self, level: int) -> str:
        """Help with the first point that was lost; more of it from 1 (where to look) to 3 (what was seen)."""
        lost = next((point for point in self.points if not point.passed), None)
        return self._hint(lost, level) if lost else "Everything is right: there is nothing to hint at."

    def hinted(self, level: int) -> "Verdict":
        """The same points, with hints in place of the explanations."""
        points = (p if p.passed else replace(p, words=self._hint(p, level)) for p in self.points)
        return replace(self, points=tuple(points))

    def _hint(self, lost: Point, level: int) -> str:
        # What is no kernel, or isn't written yet, has one reason for all points. Nobody has to guess that.
        same = len(self.points) > 1 and len({point.words for point in self.points}) == 1
        return lost.words if same else hint(lost.name, lost.words, level)

    def __str__(self) -> str:
        lines = [self._headline()]
        for point, words in _said_once(self.points):
            lines.append(f"  {point.meaning} ({point.state})")
            lines += [f"    {words}"] if words else []
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # Built as a tree, so that words from a learner's code are escaped.
        table = ElementTree.Element("table")
        ElementTree.SubElement(table, "caption").text = self._headline()
        for point, words in _said_once(self.points):
            row = ElementTree.SubElement(table, "tr")
            left = {"style": "text-align: left"}
            ElementTree.SubElement(row, "th", left, scope="row").text = point.meaning
            for text in (point.state, words):
                ElementTree.SubElement(row, "td", left).text = text
        return ElementTree.tostring(table, encoding="unicode", method="html")

    def _headline(self) -> str:
        return f"{self.problem}: {'everything is right' if self.passed else 'not there yet'}"


def _said_once(points: Iterable[Point]) -> Iterator[tuple[Point, str]]:
    """Each point with its words; a kernel that stopped lost all for one reason, which is said once."""
    said: set[str] = set()
    for point in points:
        yield point, "" if point.words in said else point.words
        said.add(point.words)
