"""What the names in a kernel stand for, and which functions its threads must come to together."""

import ast
import builtins
from types import FunctionType, ModuleType
from typing import Any

from hpcampus_kernels.cpu.collectives import OPERATIONS
from hpcampus_kernels.simulator import xoroshiro
from hpcampus_kernels.simulator.convert import CUDA_MODULES, RANDOM
from hpcampus_kernels.simulator.source import definition
from hpcampus_kernels.simulator.translate import local_names
from hpcampus_kernels.simulator.values import UnsupportedError

Path = tuple[str, ...]
SHARED, LOCAL = ("shared", "array"), ("local", "array")
# Their result depends on how many bits an integer has.
COUNT_BITS = {("clz",), ("brev",)}


class Names:
    """What the names of a function stand for."""

    def __init__(self, function: FunctionType) -> None:
        self.tree = definition(function)
        self.locals = local_names(self.tree)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._values = {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}

    def value(self, node: ast.expr) -> Any:
        """The value of a dotted name that is the same for all threads, or None."""
        if isinstance(node, ast.Name) and node.id not in self.locals:
            return self._values.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute):
            base = self.value(node.value)
            return None if base is None or self.path(node) else getattr(base, node.attr, None)
        return None

    def path(self, node: ast.expr) -> Path:
        """What a dotted name says of the device, such as ("atomic", "add"); nothing, if it says nothing."""
        if isinstance(node, ast.Attribute):
            base = self.path(node.value)
            if base:
                return (*base, node.attr)
            return (node.attr,) if _is_cuda(self.value(node.value)) else ()
        value = self.value(node)
        module = getattr(value, "__module__", None) or ""
        if isinstance(node, ast.Name) and not isinstance(value, ModuleType) and value is not None:
            known = isinstance(module, str) and module.startswith(CUDA_MODULES) and module not in RANDOM
            return (node.id,) if known and not hasattr(value, "py_func") else ()
        return ()

    def function(self, node: ast.expr) -> FunctionType | None:
        """The Python function that a name stands for, if it is a device function."""
        value, path = self.value(node), self.path(node)
        if path[:1] == ("random",) or getattr(value, "__module__", None) in RANDOM:
            return getattr(xoroshiro, path[-1] if path else value.__name__, None)
        original = getattr(value, "py_func", value)
        return original if isinstance(original, FunctionType) and not path else None


def _is_cuda(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__ in CUDA_MODULES


def meet(function: FunctionType, inside: tuple[FunctionType, ...] = ()) -> bool:
    """Whether threads have something in common in a function: a barrier, an exchange, or shared memory."""
    if function in inside:
        raise UnsupportedError(f"{function.__name__} calls itself: there is no recursion on a CPU")
    names = Names(function)
    found = False
    for node in ast.walk(names.tree):
        if isinstance(node, ast.Call):
            path = names.path(node.func)
            called = names.function(node.func)
            found |= path == SHARED or (bool(path) and path[0] in OPERATIONS)
            found |= called is not None and meet(called, (*inside, function))
    return found


def counts_bits(names: Names) -> bool:
    """Whether it shows in a function, or in one that it calls, how many bits an integer has."""
    calls = [node.func for node in ast.walk(names.tree) if isinstance(node, ast.Call)]
    called = filter(None, map(names.function, calls))
    return any(names.path(call) in COUNT_BITS for call in calls) or any(counts_bits(Names(f)) for f in called)
