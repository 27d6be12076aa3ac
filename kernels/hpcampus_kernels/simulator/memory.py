"""Arrays as a kernel sees them: every access is checked and written into the log.

An access outside an array is a finding; a read gives 0, a write is dropped, and the kernel runs on. What it
would do on a GPU (nothing, a crash, damage elsewhere) is not imitated.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from sys import _getframe
from types import FrameType
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.findings import OUTSIDE, Finding
from hpcampus_kernels.simulator.log import READ, WRITE, Log, Region, line_of, named
from hpcampus_kernels.simulator.threads import Thread
from hpcampus_kernels.simulator.values import UnsupportedError, caster, poison

Report = Callable[[Finding], None]


class Memory:
    """The elements of one array, and where their accesses are written down (nowhere, without a log)."""

    def __init__(
        self,
        region: Region,
        elements: list[Any],
        log: Log | None,
        who: Callable[[], Thread],
        report: Report,
    ) -> None:
        self.region = region
        self.elements = elements
        self.log = log
        self.who = who
        self.report = report
        self.cast = caster(region.dtype)

    def __len__(self) -> int:
        return len(self.elements)

    def integer(self, index: Any) -> int:
        """An index, which must be an integer, inside and outside."""
        try:
            return operator.index(index)
        except TypeError:
            kind = type(index).__name__
            message = (
                f"an index of {self.region.name} must be an integer, not a {kind} "
                "(/ gives a float, // an integer)"
            )
            raise TypeError(message) from None

    def outside(self, place: Any, shape: tuple[int, ...], kind: int, frame: FrameType) -> Any:
        """Report an access outside; what a read gives instead."""
        places = tuple(place) if isinstance(place, tuple) else (place,)
        places = tuple(self.integer(index) for index in places)
        thread = self.who()
        element, who = named(self.region.name, places), str(thread)
        did = "read" if kind == READ else "changed"
        message = f"{who.capitalize()} {did} {element}, but {self.region.name} {extent(shape)}"
        if any(index < 0 for index in places):
            message += "; on a GPU a negative index reaches other memory, and nobody notices"
        line = line_of(frame)
        found = Finding(OUTSIDE, message, line, self.region.name, element, (who,))
        self.report(replace(found, thread=thread.number, place=places))
        return self.cast(0)


def extent(shape: tuple[int, ...]) -> str:
    """How large an array is, in words."""
    if 0 in shape:
        return "is empty"
    if len(shape) == 1:
        return f"has {shape[0]} elements, 0 to {shape[0] - 1}"
    return f"has the shape {shape}"


def _selects_many(key: Any, dimensions: int) -> bool:
    if isinstance(key, tuple):
        return len(key) < dimensions or any(isinstance(part, slice) for part in key)
    return dimensions > 1 or isinstance(key, slice)


class DeviceArray:
    """What all arrays in kernels have; this one works for any number of dimensions and any strides."""

    def __init__(
        self, memory: Memory, shape: tuple[int, ...], strides: tuple[int, ...], start: int = 0
    ) -> None:
        self._memory = memory
        self._elements = memory.elements
        self._cast = memory.cast
        self._log = memory.log
        self._base = memory.region.base
        self._start, self._strides = start, strides
        self.shape, self.ndim, self.dtype = shape, len(shape), memory.region.dtype
        self.size = int(np.prod(shape, dtype=np.int64))
        if memory.log is not None:
            self._push = memory.log.entries.append
            self._keep = memory.log.values.append
            self._codes = memory.log.codes

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        frame = _getframe(1)
        return (self.read(i, frame) for i in range(self.shape[0]))

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no .{name} for arrays in kernels")

    def __getitem__(self, key: Any) -> Any:
        return self.read(key, _getframe(1))

    def __setitem__(self, key: Any, value: Any) -> None:
        self.write(key, value, _getframe(1))

    def read(self, key: Any, frame: FrameType) -> Any:
        """The element at that index, or a view of several."""
        if _selects_many(key, self.ndim):
            return self._view(key)
        flat = self.locate(key, READ, frame)
        if flat is None:
            return self._cast(0)
        self.record(flat, frame, READ)
        return self._elements[flat]

    def write(self, key: Any, value: Any, frame: FrameType) -> None:
        """Store a value, as the array's type keeps it."""
        if _selects_many(key, self.ndim):
            raise UnsupportedError("the simulator can't assign to a slice: assign element by element")
        flat = self.locate(key, WRITE, frame)
        if flat is not None:
            kept = self._elements[flat] = self._cast(value)
            self.record(flat, frame, WRITE, kept)

    def locate(self, key: Any, kind: int, frame: FrameType) -> int | None:
        """Where an index lies in memory; None, with a finding, if it is outside."""
        places = key if isinstance(key, tuple) else (key,)
        if len(places) != self.ndim:
            raise TypeError(f"{self._memory.region.name} has {self.ndim} dimensions, not {len(places)}")
        flat = self._start
        for index, extent_, stride in zip(places, self.shape, self._strides, strict=True):
            if not 0 <= index < extent_:
                self._memory.outside(key, self.shape, kind, frame)
                return None
            flat += self._memory.integer(index) * stride
        return flat

    def record(self, flat: int, frame: FrameType, kind: int, value: Any = None) -> None:
        """Write an access into the log."""
        if self._log is not None:
            self._push(self._base + flat)
            self._push(self._log.site(frame, kind))
            if kind == WRITE:
                self._keep(value)

    def _view(self, key: Any) -> "DeviceArray":
        keys = key if isinstance(key, tuple) else (key,)
        start, shape, strides = self._start, [], []
        for axis, stride in enumerate(self._strides):
            part = keys[axis] if axis < len(keys) else slice(None)
            if isinstance(part, slice):
                first, last, step = part.indices(self.shape[axis])
                start += first * stride
                shape.append(len(range(first, last, step)))
                strides.append(step * stride)
            else:
                if not 0 <= part < self.shape[axis]:
                    raise IndexError(f"row {part} of {self._memory.region.name} is outside {self.shape}")
                start += part * stride
        return DeviceArray(self._memory, tuple(shape), tuple(strides), start)


class Vector(DeviceArray):
    """A whole array of one dimension: the same, faster."""

    def __getitem__(self, key: Any) -> Any:
        try:
            if not 0 <= key < self.size:
                return self._memory.outside(key, self.shape, READ, _getframe(1))
            value = self._elements[key]
        except TypeError:
            return self.read(key, _getframe(1))
        frame = _getframe(1)
        push = self._push
        push(self._base + key)
        push(self._codes[id(frame.f_code)] + frame.f_lasti)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        frame = _getframe(1)
        try:
            if not 0 <= key < self.size:
                self._memory.outside(key, self.shape, WRITE, frame)
                return None
            kept = self._elements[key] = self._cast(value)
        except TypeError:
            return self.write(key, value, frame)
        push = self._push
        push(self._base + key)
        push(self._codes[id(frame.f_code)] + frame.f_lasti + 1)
        self._keep(kept)
        return None


class Matrix(DeviceArray):
    """A whole array of two dimensions: the same, faster."""

    def __getitem__(self, key: Any) -> Any:
        try:
            row, column = key
            rows, columns = self.shape
            if not (0 <= row < rows and 0 <= column < columns):
                return self._memory.outside(key, self.shape, READ, _getframe(1))
            flat = row * columns + column
            value = self._elements[flat]
        except TypeError:
            return self.read(key, _getframe(1))
        frame = _getframe(1)
        push = self._push
        push(self._base + flat)
        push(self._codes[id(frame.f_code)] + frame.f_lasti)
        return value


class QuickVector(DeviceArray):
    """One dimension, without a log."""

    def __getitem__(self, key: Any) -> Any:
        try:
            if 0 <= key < self.size:
                return self._elements[key]
        except TypeError:
            pass
        return self.read(key, _getframe(1))

    def __setitem__(self, key: Any, value: Any) -> None:
        try:
            if 0 <= key < self.size:
                self._elements[key] = self._cast(value)
                return
        except TypeError:
            pass
        self.write(key, value, _getframe(1))


class QuickMatrix(DeviceArray):
    """Two dimensions, without a log."""

    def __getitem__(self, key: Any) -> Any:
        try:
            row, column = key
            rows, columns = self.shape
            if 0 <= row < rows and 0 <= column < columns:
                return self._elements[row * columns + column]
        except TypeError:
            pass
        return self.read(key, _getframe(1))


def device_array(memory: Memory) -> DeviceArray:
    """The whole memory as an array in C order."""
    shape = memory.region.shape
    strides = tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))
    logged = {1: Vector, 2: Matrix}
    quick = {1: QuickVector, 2: QuickMatrix}
    fast = (quick if memory.log is None else logged).get(len(shape), DeviceArray)
    return fast(memory, shape, strides)


class LocalArray(DeviceArray):
    """An array of one thread: nobody else sees it, so only its bounds and its first reads matter."""

    def __init__(self, memory: Memory, unread: Callable[[str, FrameType], None]) -> None:
        shape = memory.region.shape
        strides = tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))
        super().__init__(memory, shape, strides)
        self._unread = unread
        self._unset = set(range(self.size))

    def record(self, flat: int, frame: FrameType, kind: int, value: Any = None) -> None:
        """See whether a read comes before the first write."""
        if kind == WRITE:
            self._unset.discard(flat)
        elif flat in self._unset:
            region = self._memory.region
            self._unread(region.element(region.base + flat), frame)

    def _view(self, key: Any) -> DeviceArray:
        raise UnsupportedError("the simulator has no slices of local arrays")


def unset(shape: tuple[int, ...], dtype: np.dtype[Any]) -> list[Any]:
    """Elements that nobody wrote yet."""
    return [poison(dtype)] * int(np.prod(shape, dtype=np.int64))
