"""Arrays for the simulator that write down which thread touched which element, and how.

Numba's simulator hands an argument that is no NumPy array to the kernel as it is, so a kernel works on a
`TracedArray` without knowing. What a stray access would do on a GPU (nothing, a crash, damage elsewhere) is
not imitated: it is written down, a read gives 0, a write is dropped, and the kernel runs on.
"""

import linecache
import operator
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpcampus_kernels.backend import Thread, current_thread, is_atomic
from hpcampus_kernels.problem import Array, Shape


class Kind(Enum):
    """How an element was touched."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "atomic"


class Line(NamedTuple):
    """A line of the kernel: its file and its number there (in a notebook: in its cell)."""

    file: str
    number: int

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.number).strip()
        return f"line {self.number}: {text}" if text else f"line {self.number}"


class Access(NamedTuple):
    """One access to an element; `element` counts from 0 in the whole array, in C order."""

    array: str
    element: int
    kind: Kind
    thread: Thread
    line: Line


class Stray(NamedTuple):
    """One access outside an array of that shape, at the indices `place`."""

    array: str
    shape: Shape
    place: Shape
    kind: Kind
    thread: Thread
    line: Line


class EndlessLoopError(Exception):
    """The kernel used its arrays far more often than any sensible version of it."""


@dataclass
class Trace:
    """All accesses of one launch. Simulated threads append at the same time, which Python's lists allow.

    `budget` is how many steps with arrays are left before the kernel counts as endless, and `barriers` says
    whether it makes threads of a block wait for each other.
    """

    budget: int
    barriers: bool
    accesses: list[Access] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)

    def spend(self) -> None:
        """Take one step off the budget; raises `EndlessLoopError` when none is left."""
        self.budget -= 1
        if self.budget < 0:
            raise EndlessLoopError("the budget of steps is spent")


class TracedArray:
    """An array as a kernel sees it: elements, slices and `shape`, `size`, `ndim`, `dtype` and `len`."""

    def __init__(
        self, trace: Trace, name: str, data: Array, elements: NDArray[np.intp] | None = None
    ) -> None:
        self._trace = trace
        self._name = name
        self._data = data
        # For every element of this view, its number in the whole array.
        self._elements = np.arange(data.size).reshape(data.shape) if elements is None else elements
        self.ndim = data.ndim
        self.dtype = data.dtype

    @property
    def shape(self) -> Shape:
        """The lengths along each dimension. Asking is a step: the condition of an endless loop often does."""
        self._trace.spend()
        return self._data.shape

    @property
    def size(self) -> int:
        """The number of elements; asking is a step, too."""
        self._trace.spend()
        return self._data.size

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        key = index if isinstance(index, tuple) else (index,)
        if len(key) < self.ndim or not all(map(_picks_one, key)):
            return TracedArray(self._trace, self._name, self._data[key], self._elements[key])
        place = self._touch(key, Kind.READ)
        return self.dtype.type(0) if place is None else self._data[place]

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self._touch(index if isinstance(index, tuple) else (index,), Kind.WRITE)
        if place is not None:
            self._data[place] = value

    def _touch(self, key: tuple[Any, ...], kind: Kind) -> Shape | None:
        """Write the access down, and return where it is, or None when it is outside."""
        self._trace.spend()
        if len(key) != self.ndim:
            raise IndexError(f"{self._name} has {self.ndim} dimensions, but {len(key)} indices were given")
        place = tuple(_integer(self._name, i) for i in key)
        frame, kind = _kernel_frame(kind)
        line = Line(frame.f_code.co_filename, frame.f_lineno)
        thread = current_thread()
        shape = self._data.shape
        if not all(0 <= i < extent for i, extent in zip(place, shape, strict=True)):
            self._trace.strays.append(Stray(self._name, shape, place, kind, thread, line))
            return None
        element = int(self._elements[place])
        self._trace.accesses.append(Access(self._name, element, kind, thread, line))
        return place


def _picks_one(index: Any) -> bool:
    # A float does, too, so that `_integer` can say what is wrong with it.
    return not isinstance(index, slice) and index is not None and index is not Ellipsis


def _integer(array: str, index: Any) -> int:
    try:
        return operator.index(index)
    except TypeError:
        kind = type(index).__name__
        message = f"an index of {array} must be an integer, not a {kind} (/ gives a float, // an integer)"
        raise TypeError(message) from None


def _kernel_frame(kind: Kind) -> tuple[FrameType, Kind]:
    """The frame of the kernel that made an access, and its kind: atomic if it came through `cuda.atomic`."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    while frame.f_back and is_atomic(frame):
        frame, kind = frame.f_back, Kind.ATOMIC
    return frame, kind
