"""Tells whether a dict was changed without looking at what is in it.

CPython numbers every change of every dict, and keeps the number of the last one in the dict itself (PEP 509;
gone from 3.14). Comparing the values instead would count references to each of them: in a forked process the
kernel copies every page on which there is one.
"""

import ctypes
import gc
import operator
from collections.abc import Mapping, Sequence
from typing import Any

# Behind the head that all objects have, and the number of entries.
_OFFSET = object.__basicsize__ + ctypes.sizeof(ctypes.c_ssize_t)


class Versions:
    """Of these dicts and namespaces of classes, in their order; `known` is False where Python keeps none."""

    def __init__(self, mappings: Sequence[Mapping[str, Any]]) -> None:
        self.known = _are_kept()
        self._kept = [_version_of(mapping) for mapping in mappings] if self.known else []
        self._map, self._list, self._value = map, list, operator.attrgetter("value")

    def now(self) -> list[int]:
        """What changes with each change."""
        return self._list(self._map(self._value, self._kept))


def _version_of(mapping: Mapping[str, Any]) -> ctypes.c_uint64:
    # That of a class is shown as a view.
    held: Any = mapping if isinstance(mapping, dict) else gc.get_referents(mapping)[0]
    return ctypes.c_uint64.from_address(id(held) + _OFFSET)


def _are_kept() -> bool:
    """Tried on a dict and a class of our own."""
    some: dict[str, Any] = {"a": object()}
    kind = type("kind", (), dict(some))
    kept = [_version_of(some), _version_of(vars(kind))]
    before = [version.value for version in kept]
    if before != [version.value for version in kept]:
        return False
    some["a"] = object()
    kind.a = object()  # type: ignore[attr-defined]
    return all(old != version.value for old, version in zip(before, kept, strict=True))
