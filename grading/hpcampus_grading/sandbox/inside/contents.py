"""What is in a list, a dict, a set or an array, and in those within: compared, and put back."""

import sys
from collections.abc import Iterable, Iterator
from operator import is_
from typing import Any

_MOST_ITEMS, _MOST_BYTES = 200_000, 32 << 20
Held = tuple[Any, Any]
"""Something that can be changed in place, and a copy of what was in it."""


class Contents:
    """As they are when it is made; of what is too large to compare at each test, none."""

    def __init__(self, value: Any) -> None:
        self._held = list(_within(value))
        if sum(_size(was) for _, was in self._held) > _MOST_BYTES:
            self._held = []

    def intact(self) -> bool:
        """Whether nothing was changed since."""
        return all(_same(found, was) for found, was in self._held)

    def put(self) -> None:
        """Put them back, into the same objects."""
        for found, was in self._held:
            if not _same(found, was):
                _put(found, was)


def _within(value: Any) -> Iterator[Held]:
    left, seen, count = [value], dict[int, Any](), 0
    while left and count < _MOST_ITEMS:
        found = left.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        kind = type(found)
        inner: Iterable[Any] = ()
        if kind in (list, dict, set, bytearray):
            yield found, kind(found)
            inner = found.values() if kind is dict else found
        elif kind is tuple:
            inner = found
        elif _is_array(found):
            yield found, found.copy(order="K")
        elif kind.__module__ == "__main__" and not isinstance(found, type):
            inner = [getattr(found, "__dict__", None)]
        if kind is not bytearray:
            more = list(inner)
            left += more
            count += len(more)


def _is_array(value: Any) -> bool:
    numpy: Any = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray


def _size(was: Any) -> int:
    return int(was.nbytes) if _is_array(was) else 8 * len(was)


def _same(found: Any, was: Any) -> bool:
    if type(was) is dict:
        return _identical(found, was) and _identical(found.values(), was.values())
    if type(was) is set:
        return set(map(id, found)) == set(map(id, was))
    if type(was) in (list, bytearray):
        return _identical(found, was)
    return _same_array(found, was)


def _same_array(found: Any, was: Any) -> bool:
    if (found.shape, found.dtype) != (was.shape, was.dtype):
        return False
    if was.dtype.hasobject:
        return _identical(found.ravel().tolist(), was.ravel().tolist())
    return bool(found.tobytes() == was.tobytes())


def _identical(found: Any, was: Any) -> bool:
    return len(found) == len(was) and all(map(is_, found, was))


def _put(found: Any, was: Any) -> None:
    if type(was) in (list, bytearray):
        found[:] = was
    elif type(was) in (dict, set):
        found.clear()
        found.update(was)
    else:
        _put_array(found, was)


def _put_array(found: Any, was: Any) -> None:
    writeable = found.flags.writeable
    found.flags.writeable = True
    if found.dtype != was.dtype:
        found.dtype = was.dtype
    if found.size != was.size:
        found.resize(was.shape, refcheck=False)
    elif found.shape != was.shape:
        found.shape = was.shape
    found[...] = was
    found.flags.writeable = writeable
