"""Expressions of a kernel, with the names of the device replaced by those of a CPU."""

import ast
import builtins
import math
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from hpcampus_kernels.cpu import device
from hpcampus_kernels.simulator.convert import CUDA_MODULES
from hpcampus_kernels.simulator.values import UnsupportedError, as_dtype

Path = tuple[str, ...]


class Names:
    """What the names of a function stand for."""

    def __init__(self, function: FunctionType, locals_: set[str]) -> None:
        self.locals = locals_
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
            known = isinstance(module, str) and module.startswith(CUDA_MODULES)
            return (node.id,) if known and not hasattr(value, "py_func") else ()
        return ()

    def function(self, node: ast.expr) -> FunctionType | None:
        """The Python function that a name stands for, if it is a device function."""
        value = self.value(node)
        original = getattr(value, "py_func", value)
        return original if isinstance(original, FunctionType) and not self.path(node) else None


def _is_cuda(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__ in CUDA_MODULES


class Rewriter(ast.NodeTransformer):
    """Rewrites expressions, and gathers the globals that they need."""

    def __init__(self, names: Names, translate: Callable[[FunctionType], Any]) -> None:
        self.names, self.translate = names, translate
        self.globals: dict[str, Any] = {"np": np, "math": math}
        self.atomics = False

    def given(self, name: str, value: Any) -> ast.Name:
        """A name for a value that the function needs."""
        self.globals[name] = value
        return ast.Name(name, ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A global."""
        if isinstance(node.ctx, ast.Load) and node.id not in self.names.locals:
            value = self.names.value(node)
            if value is not None and not self.names.path(node) and not isinstance(value, ModuleType):
                return self.given(node.id, value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An index or an extent of the device, or an attribute of a module."""
        if not isinstance(node.ctx, ast.Load):
            return self.generic_visit(node)  # type: ignore[return-value]
        path = self.names.path(node)
        if path:
            return self.device(node, path)
        value = self.names.value(node)
        if value is not None and isinstance(self.names.value(node.value), ModuleType):
            return self.given(f"{node.attr}_{id(value)}", value)
        return self.generic_visit(node)  # type: ignore[return-value]

    def device(self, node: ast.expr, path: Path) -> ast.expr:
        """What a CPU has for a name of the device."""
        name = "_".join(path)
        if f"_{name}" in (*device.SIZES, *device.PLACES):
            return ast.Name(f"_{name}", ast.Load())
        if name == "warpsize":
            return ast.Constant(device.WARP)
        if name in device.FUNCTIONS:
            return self.given(name, device.FUNCTIONS[name])
        if path[0] == "atomic" and path[-1] in device.ATOMICS:
            self.atomics = True
            return self.given(name, device.ATOMICS[path[-1]])
        raise UnsupportedError(f"cuda.{'.'.join(path)} has no counterpart on a CPU (line {node.lineno})")

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A place in the grid, an array, a device function."""
        path = self.names.path(node.func)
        if path in (("grid",), ("gridsize",)):
            return _places(path[0], node)
        if path == ("local", "array"):
            return self.array(node)
        if path == ("const", "array_like"):
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        value = self.names.value(node.func)
        if value in (math.floor, math.ceil, math.trunc):
            function = self.given(f"np_{value.__name__}", device.WHOLE[value.__name__])
            return ast.Call(function, [self.visit(argument) for argument in node.args], [])
        if original := self.names.function(node.func):
            return self._device_function(original, node)
        return self.generic_visit(node)  # type: ignore[return-value]

    def array(self, node: ast.Call) -> ast.expr:
        """A shared or local array, as memory of its own."""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        given.update(zip(("shape", "dtype"), node.args, strict=False))
        dtype = as_dtype(self.names.value(given["dtype"]))
        kind, empty = self.given(f"dtype_{dtype}", dtype), self.given("np_empty", np.empty)
        return ast.Call(empty, [self.visit(given["shape"]), kind], [])

    def _device_function(self, original: FunctionType, node: ast.Call) -> ast.expr:
        made, atomics = self.translate(original)
        self.atomics |= atomics
        places = [ast.Name(name, ast.Load()) for name in (*device.SIZES, *device.PLACES)]
        function = self.given(f"{original.__name__}_{id(original)}", made)
        keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        return ast.Call(function, [*places, *(self.visit(argument) for argument in node.args)], keywords)


def _places(name: str, node: ast.Call) -> ast.expr:
    """`cuda.grid` and `cuda.gridsize` from indices and extents."""
    count = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    if not isinstance(count, int) or count not in (1, 2, 3):
        raise UnsupportedError(f"cuda.{name} needs 1, 2 or 3, as a number (line {node.lineno})")
    text = {
        "grid": "{0}b * {0}s + {0}t",
        "gridsize": "{0}g * {0}s",
    }[name]
    made = []
    for axis in "xyz"[:count]:
        tree = ast.parse(text.format(axis), mode="eval").body
        names = {"b": "blockIdx", "s": "blockDim", "t": "threadIdx", "g": "gridDim"}
        for part in ast.walk(tree):
            if isinstance(part, ast.Name):
                part.id = f"_{names[part.id[1]]}_{axis}"
        made.append(tree)
    return made[0] if len(made) == 1 else ast.Tuple(list(made), ast.Load())
