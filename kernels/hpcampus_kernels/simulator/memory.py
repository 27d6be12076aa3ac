"""Arrays as a kernel sees them: every access is checked and written into the log.

Most accesses never come here: `accesses.py` writes the check and the log into the kernel itself. What it
can't do there (views, records, local arrays, accesses outside) is done here.

An access outside an array is a finding; a read gives 0, a write is dropped, and the kernel runs on. What it
would do on a GPU (nothing, a crash, damage elsewhere) is not imitated.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from hpcampus_kernels.simulator.findings import OUTSIDE, Finding
from hpcampus_kernels.simulator.log import READ, WRITE, Line, Log, Region, Site, named
from hpcampus_kernels.simulator.threads import Thread
from hpcampus_kernels.simulator.values import UnsupportedError, caster, poison

Report = Callable[[Finding], None]
# What an element of a local array is until it is written.
UNSET = type("Unset", (), {"__slots__": ()})()


class Memory:
    """The elements of one array, and where their accesses are written down (nowhere, without a log)."""

    def __init__(
        self,
        region: Region,
        elements: list[Any],
        log: Log | None,
        who: Callable[[], Thread],
        report: Report,
        sites: list[Site],
    ) -> None:
        self.region = region
        self.elements = elements
        self.log = log
        self.who = who
        self.report = report
        self.sites = sites

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

    def outside(self, place: Any, shape: tuple[int, ...], site: int) -> None:
        """Report an access outside."""
        places = tuple(place) if isinstance(place, tuple) else (place,)
        places = tuple(self.integer(index) for index in places)
        thread = self.who()
        element, who = named(self.region.name, places), str(thread)
        line, kind = self.sites[site]
        did = "read" if kind == READ else "changed"
        message = f"{who.capitalize()} {did} {element}, but {self.region.name} {extent(shape)}"
        if any(index < 0 for index in places):
            message += "; on a GPU a negative index reaches other memory, and nobody notices"
        found = Finding(OUTSIDE, message, line, self.region.name, element, (who,), changed=kind != READ)
        self.report(replace(found, thread=thread.number, place=places, shape=shape))


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
    """An array of any number of dimensions and any strides, or a part of one."""

    def __init__(
        self,
        memory: Memory,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        start: int = 0,
        dtype: "np.dtype[Any] | None" = None,
    ) -> None:
        self.memory, self.elements, self.base = memory, memory.elements, memory.region.base
        self.start, self.strides = start, strides
        self.shape, self.ndim = shape, len(shape)
        self.dtype: np.dtype[Any] = dtype or memory.region.dtype
        self.size = int(np.prod(shape, dtype=np.int64))
        self.cast = caster(self.dtype) if self.dtype.names is None else None

    def __len__(self) -> int:
        return self.shape[0]

    def __getattr__(self, name: str) -> Any:
        raise UnsupportedError(f"the simulator has no .{name} for arrays in kernels")

    def zero(self) -> Any:
        """What a read outside gives."""
        return self.cast(0) if self.cast else Element(self, None)

    def iterate(self, site: int) -> Iterator[Any]:
        """Its elements, or its rows, one after the other."""
        return (self.read(i, site) for i in range(self.shape[0]))

    def read(self, key: Any, site: int) -> Any:
        """The element at that index, or a view of several."""
        if isinstance(key, str) or _selects_many(key, self.ndim):
            return self.view(key, site)
        flat = self.locate(key, site)
        if self.cast is None:
            return Element(self, flat)
        if flat is None:
            return self.zero()
        return self.fetch(flat, site)

    def fetch(self, flat: int, site: int) -> Any:
        """What is at that place in memory."""
        self.record(flat, site)
        return self.elements[flat]

    def write(self, key: Any, value: Any, site: int) -> None:
        """Store a value, as the array's type keeps it."""
        if _selects_many(key, self.ndim):
            self._fill(self.view(key, site), value, site)
            return
        if self.cast is None:
            raise UnsupportedError("the simulator can't assign a whole record: assign field by field")
        flat = self.locate(key, site)
        if flat is not None:
            self.store(flat, value, site)

    def _fill(self, part: "DeviceArray", value: Any, site: int) -> None:
        if isinstance(value, DeviceArray):
            raise UnsupportedError(
                "the simulator can't assign an array to a slice: assign element by element"
            )
        for place in np.ndindex(part.shape):
            part.write(place, value, site)

    def store(self, flat: int, value: Any, site: int) -> None:
        """Store a value at that place in memory."""
        if self.cast is not None:
            kept = self.elements[flat] = self.cast(value)
            self.record(flat, site, kept)

    def stray(self, key: Any, site: int) -> Any:
        """Report an access outside; what a read gives instead."""
        self.memory.outside(key, self.shape, site)
        return self.zero()

    def locate(self, key: Any, site: int) -> int | None:
        """Where an index lies in memory; None, with a finding, if it is outside."""
        places = key if isinstance(key, tuple) else (key,)
        if len(places) != self.ndim:
            raise TypeError(f"{self.memory.region.name} has {self.ndim} dimensions, not {len(places)}")
        flat = self.start
        for index, extent_, stride in zip(places, self.shape, self.strides, strict=True):
            if not 0 <= index < extent_:
                self.memory.outside(key, self.shape, site)
                return None
            flat += self.memory.integer(index) * stride
        return flat

    def record(self, flat: int, site: int, value: Any = None) -> None:
        """Write an access into the log."""
        log = self.memory.log
        if log is not None:
            log.entries.append(self.base + flat)
            log.entries.append(site)
            if log.sites[site].kind == WRITE:
                log.values.append(value)

    def view(self, key: Any, site: int) -> "DeviceArray":
        """A part: rows, slices, or one field of all records."""
        if isinstance(key, str):
            place = _field(self.dtype, key)
            dtype = self.dtype[key]
            return DeviceArray(self.memory, self.shape, self.strides, self.start + place, dtype)
        keys = key if isinstance(key, tuple) else (key,)
        start, shape, strides = self.start, [], []
        for axis, stride in enumerate(self.strides):
            part = keys[axis] if axis < len(keys) else slice(None)
            if isinstance(part, slice):
                first, last, step = part.indices(self.shape[axis])
                start += first * stride
                shape.append(len(range(first, last, step)))
                strides.append(step * stride)
            elif 0 <= part < self.shape[axis]:
                start += self.memory.integer(part) * stride
            else:
                self.memory.outside(tuple(k for k in keys if not isinstance(k, slice)), self.shape, site)
                return self._nothing(keys)
        return DeviceArray(self.memory, tuple(shape), tuple(strides), start, self.dtype)

    def _nothing(self, keys: tuple[Any, ...]) -> "DeviceArray":
        """What a row outside gives: zeros that nobody sees."""
        shape = tuple(
            extent
            for axis, extent in enumerate(self.shape)
            if axis >= len(keys) or isinstance(keys[axis], slice)
        )
        of = self.memory
        region = replace(of.region, shape=shape, dtype=self.dtype)
        zeros = np.zeros(region.size, bool).tolist()
        return device_array(Memory(region, zeros, None, of.who, lambda _: None, of.sites))


class Element:
    """One record of a structured array; outside of the array, one of zeros."""

    def __init__(self, array: DeviceArray, flat: int | None) -> None:
        self._array, self._flat = array, flat

    def read(self, name: str, site: int) -> Any:
        """A field."""
        field = self._field(name, site)
        return field.zero() if self._flat is None else field.read((), site)

    def write(self, name: str, value: Any, site: int) -> None:
        """Store a value in a field."""
        field = self._field(name, site)
        if self._flat is not None:
            field.write((), value, site)

    def _field(self, name: str, site: int) -> DeviceArray:
        whole = self._array
        place = (self._flat or 0) + _field(whole.dtype, name)
        return DeviceArray(whole.memory, (), (), place, whole.dtype[name])


def _field(dtype: "np.dtype[Any]", name: str) -> int:
    if name not in (dtype.names or ()):
        raise TypeError(f"there is no field {name!r}; there are: {', '.join(dtype.names or ())}")
    return (dtype.names or ()).index(name)


def device_array(memory: Memory) -> DeviceArray:
    """The whole memory as an array in C order."""
    return DeviceArray(memory, memory.region.shape, _strides(memory.region))


def _strides(region: Region) -> tuple[int, ...]:
    shape = region.shape
    return tuple(region.width * int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))


class LocalArray(DeviceArray):
    """An array of one thread: nobody else sees it, so only its bounds and its first reads matter.

    What was not written yet is UNSET, but in records.
    """

    def __init__(self, memory: Memory, unread: Callable[[str, Line], None]) -> None:
        super().__init__(memory, memory.region.shape, _strides(memory.region))
        self._unread = unread

    def fetch(self, flat: int, site: int) -> Any:
        """The element; poison, with a finding, if nothing was written there."""
        value = self.elements[flat]
        if value is not UNSET:
            return value
        region = self.memory.region
        self._unread(region.element(region.base + flat), self.memory.sites[site].line)
        return poison(region.dtype)

    def view(self, key: Any, site: int) -> DeviceArray:
        """Refused: what a part of it would read is not followed."""
        raise UnsupportedError("the simulator has no slices of local arrays")


def unset(region: Region) -> list[Any]:
    """Elements that nobody wrote yet, as a GPU might give them."""
    return [poison(dtype) for dtype in region.leaves] * (region.size // region.width)
