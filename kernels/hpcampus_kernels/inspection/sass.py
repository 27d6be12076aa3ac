"""What only the machine's own instructions (SASS) show: accesses that the assembler made into wider ones."""

import re
from collections import Counter

from hpcampus_kernels.inspection.ptx import VECTOR, Use, same_file
from hpcampus_kernels.simulator.log import Line

_LINE = re.compile(r'\s*//## File "(.*?)", line (\d+)(?: inlined at "(.*?)", line (\d+))?')
_WIDE = re.compile(r"\s*/\*\w+\*/\s+(?:@!?U?P\w+\s+)?((?:LD|ST)[GSL]?(?:\.\w+)*\.(64|128)(?:\.\w+)*)\s")
_DOUBLE_WORD = re.compile(r"(?:ld|st)\.(?:volatile\.)?(?:global|shared|local)\S*\.[bsuf]64")


def vector_accesses(sass: str, ptx: str, file: str) -> tuple[Use, ...]:
    """Loads and stores of 16 bytes, and of 8 bytes in a kernel none of whose elements has 8."""
    widths = {"128"} if _DOUBLE_WORD.search(ptx) else {"64", "128"}
    counted: dict[Line | None, Counter[str]] = {}
    line: Line | None = None
    inside = False  # in the rows that say where an inlined instruction comes from, from the inmost on
    for row in sass.splitlines():
        if place := _LINE.match(row):
            here = None if inside else _line(place, file)
            line, inside = here or line, inside or here is not None
            continue
        inside = False
        if (found := _WIDE.match(row)) and found[2] in widths:
            counted.setdefault(line, Counter())[found[1]] += 1
    uses = (Use(VECTOR, line, n.total(), tuple(sorted(n))) for line, n in counted.items())
    return tuple(sorted(uses, key=lambda use: use.line.number if use.line else 0))


def _line(place: re.Match[str], file: str) -> Line | None:
    for name, number in ((place[1], place[2]), (place[3], place[4])):
        if name and same_file(name, file):
            return Line(file, int(number))
    return None
