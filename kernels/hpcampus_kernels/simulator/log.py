"""What a launch did, written down as fast as Python can, to be judged with NumPy afterwards.

Two integers for each access: the address (an element's number in one long row of all arrays) and the site
(which instruction of which function, and whether it reads, writes or does an atomic operation). Who did it is
not written for each access: threads take turns, so a `Turn` says from where on the log belongs to a thread.
"""

import dis
import linecache
from bisect import bisect_right
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

READ, WRITE, ATOMIC = 0, 1, 2
KINDS = ("read", "write", "atomic")
# An instruction's offset is even, so that there is room for WRITE; ATOMIC has a bit of its own.
ATOMIC_BIT = 1 << 19
CODE_BITS = 20
CHUNK = 1 << 18
CACHE = dis.opmap["CACHE"]

Integers = NDArray[np.int64]
# What a thread knows through releases and acquires: see clocks.py.
Clock = dict[tuple[str, int], tuple[int, ...]]


class Line(NamedTuple):
    """A line of the kernel: its file and its number there (in a notebook: in its cell)."""

    file: str
    number: int

    @property
    def source(self) -> str:
        """The line itself, if its file can be read."""
        return linecache.getline(self.file, self.number).rstrip()

    @property
    def text(self) -> str:
        """The same, without its indent."""
        return self.source.strip()

    def __str__(self) -> str:
        return f"line {self.number}: {self.text}" if self.text else f"line {self.number}"


class Turn(NamedTuple):
    """From `start` in the log on, a thread ran; epochs count the barriers of its block and of its warp."""

    start: int
    thread: int
    epoch: int
    warp_epoch: int
    serial: int
    clock: Clock | None


@dataclass(frozen=True)
class Region:
    """One array: where it lies. `block` is the block a shared array belongs to, -1 for a global one."""

    name: str
    base: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    block: int = -1
    byte_offset: int = 0
    defined: bool = True
    covered: bool = False

    @property
    def shared(self) -> bool:
        """Whether it is shared memory of one block."""
        return self.block >= 0

    @property
    def size(self) -> int:
        """Its elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def element(self, address: int) -> str:
        """The element at that address, as a learner writes it."""
        return named(self.name, tuple(int(i) for i in np.unravel_index(address - self.base, self.shape)))


def named(name: str, place: tuple[int, ...]) -> str:
    """An element as a learner writes it."""
    return f"{name}[{', '.join(map(str, place))}]"


class _Codes(dict[int, int]):
    """A number for each function, above the bits of an instruction's offset."""

    def __missing__(self, code: int) -> int:
        self[code] = len(self) << CODE_BITS
        return self[code]


@dataclass
class Log:
    """All accesses of one launch, and the arrays they go to. `values` are those written, in order."""

    entries: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    codes: _Codes = field(default_factory=_Codes)
    functions: dict[int, CodeType] = field(default_factory=dict)
    flushed: int = 0
    _chunks: list[Integers] = field(default_factory=list)
    _end: int = 0

    def place(self, size: int) -> int:
        """The first address for a new array of that many elements."""
        base = self._end
        self._end += size + 1
        return base

    def turn(self, thread: int, epoch: int, warp_epoch: int, clock: Clock | None) -> None:
        """From here on the log belongs to that thread."""
        start = self.flushed + len(self.entries) // 2
        self.turns.append(Turn(start, thread, epoch, warp_epoch, len(self.turns), clock))

    def flush(self) -> None:
        """Keep the entries in 8 bytes each, once they are many."""
        if len(self.entries) > CHUNK:
            self._pack()

    def _pack(self) -> None:
        whole = len(self.entries) // 2  # a thread that was stopped may have written half an access
        self._chunks.append(np.array(self.entries[: 2 * whole], np.int64).reshape(-1, 2))
        self.flushed += whole
        self.entries.clear()

    def accesses(self) -> Integers:
        """All of them, in order, as rows of address and site."""
        self._pack()
        rows = np.concatenate(self._chunks)
        sites, place = np.unique(rows[:, 1], return_inverse=True)
        rows[:, 1] = np.array([self._start(site) for site in sites.tolist()], np.int64)[place]
        return rows

    def _start(self, site: int) -> int:
        """The same site at the start of its instruction; once it is warm, Python gives its end."""
        code, offset = self._code(site).co_code, site & (ATOMIC_BIT - 2)
        first = offset
        while code[first] == CACHE:
            first -= 2
        return site - offset + first

    def _code(self, site: int) -> CodeType:
        return next(c for c in self.functions.values() if self.codes[id(c)] >> CODE_BITS == site >> CODE_BITS)

    def region(self, address: int) -> Region:
        """The array at that address."""
        return self.regions[bisect_right(self.regions, address, key=lambda region: region.base) - 1]

    def site(self, frame: FrameType, kind: int) -> int:
        """The number of the instruction that frame is at."""
        bits = ATOMIC_BIT if kind == ATOMIC else kind
        return self.codes[id(frame.f_code)] + frame.f_lasti + bits

    def line(self, site: int) -> Line:
        """The line of that instruction."""
        code = self._code(site)
        offset = site & (ATOMIC_BIT - 2)
        number = next((n for first, last, n in code.co_lines() if first <= offset < last and n), 0)
        return Line(code.co_filename, number)


def line_of(frame: FrameType) -> Line:
    """The line that frame is at."""
    return Line(frame.f_code.co_filename, frame.f_lineno)


def kinds(sites: Integers) -> Integers:
    """READ, WRITE or ATOMIC for each site."""
    return np.where(sites & ATOMIC_BIT, ATOMIC, sites & 1)
