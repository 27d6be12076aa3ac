"""What tests rely on, as it was before any learner's code ran: functions and classes of libraries.

A learner's code runs in the same interpreter as the tests, so it can replace what they call. It can't do that
unseen without also knowing of this list.
"""

import sys
import types
from collections.abc import Iterator, Mapping
from operator import is_
from typing import Any

from hpcampus_grading.sandbox.inside.versions import Versions

# By the first part of a module's name. Numba is not among them: it replaces parts of itself as it goes.
WATCHED = frozenset(
    (
        *("builtins", "collections", "functools", "itertools", "operator", "doctest", "unittest", "pytest"),
        *("math", "cmath", "decimal", "fractions", "statistics", "numpy"),
        *("hpcampus_grading", "hpcampus_kernels"),
    )
)
_CALLABLE = (types.FunctionType, types.BuiltinFunctionType, type)
_ON_THE_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE


_ALSO = ("IPython.core.interactiveshell", "IPython.core.compilerop", "IPython.core.inputtransformer2")


def is_watched(module: str) -> bool:
    """Whether a module's functions are among those that are compared."""
    return module.partition(".")[0] in WATCHED or module in _ALSO


class Originals:
    """Taken once before a learner's code; `changed` says by name what is not as it was."""

    def __init__(self) -> None:
        self._modules = {name: module for name, module in sys.modules.items() if is_watched(name)}
        self._places: list[tuple[str, Mapping[str, Any], list[str], list[Any]]] = []
        for module in sorted(self._modules):
            for place, mapping in _places(module):
                kept = {name: value for name, value in mapping.items() if _is_code(value)}
                self._places.append((place, mapping, list(kept), list(kept.values())))
        self._versions = Versions([sys.modules, *(mapping for _, mapping, _, _ in self._places)])
        self._unchanged = self._versions.now()
        # Names are looked up in built-ins that a learner may have replaced.
        self._all, self._map, self._zip, self._is = all, map, zip, is_

    def changed(self) -> Iterator[str]:
        """The names of what was replaced since."""
        versions = self._versions.now()
        if self._versions.known and versions == self._unchanged:
            return
        if missing := [name for name, module in self._modules.items() if sys.modules.get(name) is not module]:
            yield from missing
        elif versions:
            self._unchanged[0] = versions[0]
        for index, (place, mapping, names, values) in enumerate(self._places, start=1):
            if versions and versions[index] == self._unchanged[index]:
                continue
            if not self._all(self._map(self._is, self._map(mapping.get, names), values)):
                pairs = self._zip(names, values)
                yield from (f"{place}.{name}" for name, value in pairs if mapping.get(name) is not value)
            elif versions:
                self._unchanged[index] = versions[index]

    def accept(self, wanted: str) -> None:
        """What an instructor's own cell put there is the original from now on."""
        for place, mapping, names, values in self._places:
            for index, name in enumerate(names):
                if f"{place}.{name}" == wanted:
                    values[index] = mapping.get(name)

    def restore(self, wanted: str) -> None:
        """Put a module, or what belongs into it, back."""
        if wanted in self._modules:
            sys.modules[wanted] = self._modules[wanted]
        for place, _, names, values in self._places:
            if place in self._modules and wanted.startswith(place):
                for name, value in zip(names, values, strict=True):
                    if f"{place}.{name}" == wanted:
                        setattr(self._modules[place], name, value)


def _places(module: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = vars(sys.modules[module])
    yield module, found
    for name, value in list(found.items()):
        # Classes written in C can't be changed.
        if isinstance(value, type) and value.__flags__ & _ON_THE_HEAP and value.__module__ == module:
            yield f"{module}.{name}", vars(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, _CALLABLE) or callable(getattr(value, "_implementation", None))
