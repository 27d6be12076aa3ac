"""Hooks of Python and IPython: what sees or changes every line that runs, or finds every object."""

import sys
from collections.abc import Callable
from typing import Any

from hpcampus_grading.sandbox.inside.originals import is_watched

# What Python tells those who audit it. Nothing takes such a listener off again.
_EVENTS = frozenset(
    {
        "sys.settrace",
        "sys.setprofile",
        "sys.monitoring.register_callback",
        "sys._current_frames",
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
    }
)
NAMES = frozenset(event.rpartition(".")[2] for event in _EVENTS)


_PARTS = ("__code__", "__defaults__", "__kwdefaults__")
# Where IPython lets others change what cells say before they run.
_LISTS = ("ast_transformers", "input_transformers_cleanup", "input_transformers_post")
_METHODS = ("run_cell", "run_cell_async", "run_ast_nodes", "run_code", "showtraceback", "_showtraceback")


class Hooks:
    """`used` says which are set, and which were called while `watching`; and whose code was replaced."""

    def __init__(self, shell: Any) -> None:
        self.watching = False
        self._shell = shell
        self._lists = {name: list(getattr(shell, name)) for name in _LISTS}
        self._called: dict[str, None] = {}
        self._get_trace, self._get_profile = sys.gettrace, sys.getprofile
        self._set_trace, self._set_profile = sys.settrace, sys.setprofile
        self._tool: Callable[[int], str | None] | None = None
        if sys.version_info >= (3, 12):
            self._tool = sys.monitoring.get_tool
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__setattr__":
            if arguments[1] in _PARTS and is_watched(str(getattr(arguments[0], "__module__", ""))):
                self._called[f"another {arguments[1]} of {arguments[0].__qualname__}"] = None
        elif self.watching and event in _EVENTS:
            self._called[event] = None

    def used(self) -> list[str]:
        """Their names; those that are set are taken off."""
        found, self._called = self._called, {}
        if self._get_trace() is not None:
            found["sys.settrace"] = None
            self._set_trace(None)
        if self._get_profile() is not None:
            found["sys.setprofile"] = None
            self._set_profile(None)
        if self._tool is not None and any(self._tool(number) for number in (0, 1, 2, 3, 4, 5)):
            found["sys.monitoring"] = None
        for name, entries in self._lists.items():
            if list(getattr(self._shell, name)) != entries:
                found[f"IPython's {name}"] = None
        found.update((f"IPython's {name}", None) for name in _METHODS if name in vars(self._shell))
        return list(found)
