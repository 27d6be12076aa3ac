"""What a launch did, written down as fast as Python can, to be judged with NumPy afterwards.

Two integers for each access: the address (an element's number in one long row of all arrays) and the site
(which expression of the kernel, and whether it reads, writes or does an atomic operation). Who did it is
not written for each access: threads take turns, so a `Turn` says from where on the log belongs to a thread.
"""

import linecache
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

READ, WRITE, ATOMIC, BRANCH = 0, 1, 2, 3
KINDS = ("read", "write", "atomic")
CHUNK = 1 << 18

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
    def leaves(self) -> "tuple[np.dtype[Any], ...]":
        """The types of what an element consists of: of the fields of a record, or just its own."""
        return tuple(self.dtype[name] for name in self.dtype.names) if self.dtype.names else (self.dtype,)

    @property
    def width(self) -> int:
        """Addresses of an element."""
        return len(self.dtype.names) if self.dtype.names else 1

    @property
    def size(self) -> int:
        """Its addresses."""
        return self.width * int(np.prod(self.shape, dtype=np.int64))

    def element(self, address: int) -> str:
        """The element at that address, as a learner writes it."""
        number, leaf = divmod(address - self.base, self.width)
        name = named(self.name, tuple(int(i) for i in np.unravel_index(number, self.shape)))
        return f"{name}.{self.dtype.names[leaf]}" if self.dtype.names else name

    def bytes(self, addresses: Integers) -> Integers:
        """Where these addresses lie, from the start of the array."""
        numbers, leaves = np.divmod(addresses - self.base, self.width)
        fields = self.dtype.fields
        offsets = [fields[name][1] for name in self.dtype.names or ()] if fields else [0]
        return np.asarray(numbers * self.dtype.itemsize + np.array(offsets, np.int64)[leaves])


def named(name: str, place: tuple[int, ...]) -> str:
    """An element as a learner writes it."""
    return f"{name}[{', '.join(map(str, place))}]"


class Site(NamedTuple):
    """One expression of a kernel that touches memory."""

    line: Line
    kind: int


@dataclass
class Log:
    """All accesses of one launch, and the arrays they go to.

    `values` are those written, in order; `clocks` what the thread of each turn has acquired.
    """

    entries: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    clocks: list[Clock | None] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    flushed: int = 0
    addresses: int = 0
    _turns: list[int] = field(default_factory=list)
    _chunks: list[Integers] = field(default_factory=list)

    def place(self, size: int) -> int:
        """The first address for a new array of that many elements."""
        base = self.addresses
        self.addresses += size + 1
        return base

    def turn(self, thread: int, epoch: int, warp_epoch: int, clock: Clock | None) -> None:
        """From here on the log belongs to that thread."""
        # Plain numbers in one list: there is a turn for each thread and each barrier.
        self._turns += (self.flushed + len(self.entries) // 2, thread, epoch, warp_epoch)
        self.clocks.append(clock)

    @property
    def turns(self) -> Integers:
        """The turns in order, as rows of what a Turn has."""
        return _numbers(self._turns).reshape(-1, len(Turn._fields))

    def flush(self) -> None:
        """Keep the entries in 8 bytes each, once they are many."""
        if len(self.entries) > CHUNK:
            self._pack()

    def _pack(self) -> None:
        whole = len(self.entries) // 2  # a thread that was stopped may have written half an access
        self._chunks.append(_numbers(self.entries[: 2 * whole]).reshape(-1, 2))
        self.flushed += whole
        self.entries.clear()

    def accesses(self) -> Integers:
        """All of them, in order, as rows of address and site."""
        self._pack()
        return np.concatenate(self._chunks)

    def line(self, site: int) -> Line:
        """The line of that site."""
        return self.sites[site].line

    def kinds(self, sites: Integers) -> Integers:
        """READ, WRITE or ATOMIC for each site."""
        return np.array([site.kind for site in self.sites] or [0], np.int64)[sites]


def _numbers(values: list[int]) -> Integers:
    return np.fromiter(values, np.int64, len(values))


def line_of(frame: FrameType) -> Line:
    """The line that frame is at."""
    return Line(frame.f_code.co_filename, frame.f_lineno)
