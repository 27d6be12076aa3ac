"""What a kernel became: the instructions in its PTX that cost or mean much, with the lines they come from.

The compiler says by `.loc` which line of which file an instruction belongs to, and by `inlined_at` from where
a function was inlined; code of the compiler's own library counts for the line that called it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hpcampus_kernels.simulator.log import Line

FLOAT64, DIVISION, LOCAL, ATOMIC, VECTOR, BARRIER = (
    "float64 arithmetic",
    "64-bit division",
    "local memory",
    "atomic operation",
    "vector access",
    "barrier",
)
# An instruction can be of several kinds. Moving a float64 is no arithmetic.
KINDS = {
    FLOAT64: re.compile(r"(?!ld|st|mov|selp|red|atom)\S*\.f64"),
    DIVISION: re.compile(r"(div|rem)\.[su]64"),
    LOCAL: re.compile(r"(ld|st)\.(volatile\.)?local"),
    ATOMIC: re.compile(r"(atom|red)\."),
    BARRIER: re.compile(r"(bar|barrier)\.(cta\.)?(sync|red)"),
}
_FILE = re.compile(r'\s*\.file\s+(\d+)\s+"(.*)"')
_LOCATION = re.compile(r"\s*\.loc\s+(\d+)\s+(\d+)\s+\d+(?:.*?inlined_at\s+(\d+)\s+(\d+))?")
_INSTRUCTION = re.compile(r"\s*(?:@!?%\w+\s+)?([a-z][\w.:]*)[\s;]")


@dataclass(frozen=True)
class Use:
    """Instructions of one kind that come from one line; `line` is None where the compiler names none."""

    kind: str
    line: Line | None
    count: int
    instructions: tuple[str, ...]

    @property
    def what(self) -> str:
        """The instructions, without their line."""
        return f"{self.kind} ({', '.join(self.instructions)}; {self.count} in all)"

    def __str__(self) -> str:
        return f"{self.what} in {self.line or 'no line in particular'}"


def uses(ptx: str, file: str) -> tuple[Use, ...]:
    """What is used where, in the order of the lines; `file` is the one that holds the kernel."""
    counted: dict[tuple[str, Line | None], Counter[str]] = {}
    for line, instruction in _instructions(ptx, file):
        for kind, pattern in KINDS.items():
            if pattern.match(instruction):
                counted.setdefault((kind, line), Counter())[instruction] += 1
    found = (Use(kind, line, n.total(), tuple(sorted(n))) for (kind, line), n in counted.items())
    return tuple(sorted(found, key=lambda use: (use.kind, use.line.number if use.line else 0)))


def _instructions(ptx: str, file: str) -> Iterator[tuple[Line | None, str]]:
    text = ptx.splitlines()
    files = {found[1]: found[2] for found in map(_FILE.match, text) if found}
    line: Line | None = None
    for row in text:
        if place := _LOCATION.match(row):
            line = _line(place, files, file) or line
        elif instruction := _INSTRUCTION.match(row):
            yield line, instruction[1]


def _line(place: re.Match[str], files: dict[str, str], file: str) -> Line | None:
    """The line in the kernel's own file: where the instruction stands, or where it was inlined."""
    for number, row in ((place[1], place[2]), (place[3], place[4])):
        if number and int(row) and same_file(files.get(number, ""), file):
            return Line(file, int(row))
    return None


@cache
def same_file(named: str, file: str) -> bool:
    """Whether the compiler means that file. It makes a path of any name, also of a notebook cell's."""
    return named == str(Path(file).absolute())
