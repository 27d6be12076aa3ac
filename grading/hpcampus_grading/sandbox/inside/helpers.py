"""What the instructor's cells define for later ones, kept as it was: a learner's own counts in no test.

Nothing is suspicious about one: many copy such a function into a cell of theirs, and there it is theirs.
"""

import builtins
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from hpcampus_grading.sandbox.inside.contents import Contents
from hpcampus_grading.sandbox.inside.originals import is_watched

_PARTS = ("__code__", "__defaults__")
_PLAIN = (int, float, str, bytes)
_ABSENT = object()
Part = tuple[Any, str, Any]
"""An object, the name of an attribute, and its value."""


class Helpers:
    """Around each locked cell `begin` and `end`; then `keep`, if it was one of the notebook's."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        # IPython has an `open` of its own, for example.
        self._builtin = frozenset(vars(builtins).keys() - names.keys())
        self._libraries = [vars(module) for name, module in sys.modules.items() if is_watched(name)]
        self._kept: dict[str, tuple[Any, list[Part]]] = {}
        self._before: dict[str, Any] = {}
        self._theirs: dict[str, Any] = {}
        self._new: dict[str, Any] = {}
        self._holds: frozenset[str] = frozenset()
        self._contents: dict[str, Contents] = {}
        self._contents_after: dict[str, Contents] = {}
        self._their_contents: list[Contents] = []
        self._intact: list[str] = []
        self._set, self._get = setattr, getattr

    def begin(self, defines: Iterable[str], uses: Iterable[str], holds: Iterable[str]) -> None:
        """A cell is to run; what it uses is as it was kept, or Python's own."""
        known = self._kept.keys() | self._builtin
        self._theirs = {name: self._names.get(name, _ABSENT) for name in uses if name in known}
        for name in self._theirs:
            if name in self._kept:
                self._restore(name)
            elif not self._of_a_library(name):
                self._names.pop(name, None)
        self._restore_contents()
        self._before = {name: self._names.get(name, _ABSENT) for name in defines}
        self._holds = frozenset(holds)

    def _restore(self, name: str) -> None:
        value, parts = self._kept[name]
        self._names[name] = value
        for owner, part, was in parts:
            # Only then: to change a module's function is what the judge listens for.
            if self._changed(owner, part, was):
                self._set(owner, part, dict(was) if type(was) is dict else was)
        for added in list(_methods(value).keys() - {part for _, part, _ in parts}):
            delattr(value, added)

    def _of_a_library(self, name: str) -> bool:
        """Whether it is what a library calls so: `from numpy import *`, and what is built on it."""
        value = self._names.get(name, _ABSENT)
        return value is _ABSENT or any(library.get(name) is value for library in self._libraries)

    def _restore_contents(self) -> None:
        """Of what is used; anything else that a learner changed stays theirs."""
        self._their_contents, self._intact = [], []
        for name, contents in self._contents.items():
            if not contents.intact():
                if name not in self._theirs:
                    continue
                self._their_contents.append(Contents(self._kept[name][0]))
                contents.put()
            self._intact.append(name)

    def end(self, complete: bool) -> list[str]:
        """It ran; answers what it used and somebody replaced meanwhile.

        Of a cell that isn't `complete`, only what is there since then is its own.
        """
        self._new = {
            name: self._names[name]
            for name, before in self._before.items()
            if name in self._names and (complete or self._names[name] is not before)
        }
        replaced = [name for name in self._theirs if name not in self._before and self._differs(name)]
        for name in self._theirs.keys() - self._before.keys():
            self._names[name] = self._theirs[name]
            if self._theirs[name] is _ABSENT:
                del self._names[name]
        # What the cell itself changed in place is the instructor's, too.
        self._contents_after = {
            name: Contents(self._kept[name][0]) for name in self._intact if not self._contents[name].intact()
        }
        for contents in self._their_contents:
            contents.put()
        return replaced

    def keep(self) -> None:
        """What that cell defined is as tests are to find it."""
        self._contents.update(self._contents_after)
        for name, value in self._new.items():
            self._kept[name] = value, list(_parts(value))
            self._contents.pop(name, None)
            if name in self._holds:
                self._contents[name] = Contents(value)

    def _differs(self, name: str) -> bool:
        if name not in self._kept:
            return not self._of_a_library(name)
        value, parts = self._kept[name]
        return self._names.get(name) is not value or any(self._changed(*part) for part in parts)

    def _changed(self, owner: Any, part: str, was: Any) -> bool:
        return not _same(self._now(owner, part), was)

    def _now(self, owner: Any, part: str) -> Any:
        """An attribute as it is stored: a class's static method is none when one asks for it."""
        return vars(owner).get(part) if isinstance(owner, type) else self._get(owner, part, None)


def _same(found: Any, was: Any) -> bool:
    """Without asking what was found, which may be a learner's own and say anything."""
    if found is was:
        return True
    if type(found) is dict and type(was) is dict:
        return len(found) == len(was) and all(_same(found.get(key, _ABSENT), was[key]) for key in was)
    return type(found) is type(was) and type(was) in _PLAIN and found == was


def _parts(value: Any) -> Iterator[Part]:
    """All by which a function, or a class of the notebook's, can become another that has its name."""
    if isinstance(value, types.FunctionType):
        yield from ((value, part, getattr(value, part)) for part in _PARTS)
        yield value, "__kwdefaults__", dict(value.__kwdefaults__) if value.__kwdefaults__ else None
        for cell in value.__closure__ or ():
            if cell != types.CellType():  # an empty one has no value yet
                yield cell, "cell_contents", cell.cell_contents
    for name, method in _methods(value).items():
        yield value, name, method
        yield from _parts(_function(method))


def _methods(value: Any) -> dict[str, Any]:
    """Those of a class of the notebook's; anything else has none."""
    if not isinstance(value, type) or value.__module__ != "__main__":
        return {}
    return {name: one for name, one in vars(value).items() if isinstance(_function(one), types.FunctionType)}


def _function(method: Any) -> Any:
    """The function in a static method, a class method or a property."""
    return getattr(method, "__func__", getattr(method, "fget", method))
