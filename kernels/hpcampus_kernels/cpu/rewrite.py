"""Expressions of a kernel, with the names of the device replaced by those of a CPU."""

import ast
import math
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from hpcampus_kernels.cpu import device, intrinsics
from hpcampus_kernels.cpu.collectives import OPERATIONS
from hpcampus_kernels.cpu.names import LOCAL, SHARED, Names, Path, counts_bits
from hpcampus_kernels.cpu.trees import DYNAMIC, LocalArray, name, parsed
from hpcampus_kernels.simulator.values import UnsupportedError, as_dtype


class Meeting(ast.Call):
    """A call that threads must come to together: of an operation, or of a device function that has one."""

    operation: str = ""
    original: Any = None


class Unit:
    """What one translated function needs: its globals, and the shared memory of a block."""

    def __init__(self) -> None:
        self.globals: dict[str, Any] = {"np": np, "math": math}
        self.shared: dict[Any, tuple[str, ast.expr]] = {}
        # Functions with a result, or an effect, that isn't the same for all threads.
        self.varying: set[str] = set()
        self.atomics = False

    def given(self, text: str, value: Any) -> ast.Name:
        """A name for a value: two functions may mean different values by one name."""
        chosen, number = f"_{text}", 0
        while self.globals.get(chosen, value) is not value:
            number += 1
            chosen = f"_{text}_{number}"
        self.globals[chosen] = value
        return name(chosen)

    def array(self, shape: ast.expr, dtype: "np.dtype[Any]") -> ast.expr:
        """New memory."""
        return ast.Call(self.given("empty", np.empty), [shape, self.given(f"type_{dtype}", dtype)], [])

    def shared_array(self, place: Any, shape: ast.expr, dtype: "np.dtype[Any]") -> ast.expr:
        """The memory of the block that this place in the source means."""
        if place not in self.shared:
            made = self.array(shape, dtype)
            if isinstance(shape, ast.Constant) and shape.value == 0:
                kind = self.given(f"type_{dtype}", dtype).id
                each = dtype.itemsize
                made = parsed(f"{DYNAMIC}[: {DYNAMIC}.size // {each} * {each}].view({kind})")
            self.shared[place] = f"_shared_{len(self.shared)}", made
        return name(self.shared[place][0])


class Rewriter(ast.NodeTransformer):
    """Rewrites the expressions of one function; `translate` compiles a device function that it calls."""

    def __init__(
        self,
        names: Names,
        unit: Unit,
        translate: Callable[[FunctionType], tuple[Any, bool]],
        meet: Callable[[FunctionType], bool],
    ) -> None:
        self.names, self.unit, self.translate, self.meet = names, unit, translate, meet
        self._narrow = counts_bits(names)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A global."""
        if isinstance(node.ctx, ast.Load) and node.id not in self.names.locals:
            if path := self.names.path(node):
                return self._device(node, path)
            value = self.names.value(node)
            if value is not None and not isinstance(value, ModuleType):
                return self.unit.given(node.id, value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """An index or an extent of the device, or an attribute of a module."""
        if isinstance(node.ctx, ast.Load):
            if path := self.names.path(node):
                return self._device(node, path)
            value = self.names.value(node)
            if value is not None and isinstance(self.names.value(node.value), ModuleType):
                return self.unit.given(node.attr, value)
        return self.generic_visit(node)  # type: ignore[return-value]

    def _device(self, node: ast.expr, path: Path) -> ast.expr:
        """What a CPU has for a name of the device."""
        text = "_".join(path)
        if f"_{text}" in (*device.SIZES, *device.PLACES):
            return self._whole(name(f"_{text}"))
        if text in device.EXPRESSIONS:
            return self._whole(parsed(device.EXPRESSIONS[text]))
        if text in intrinsics.FUNCTIONS:
            return self.unit.given(text, intrinsics.FUNCTIONS[text])
        if path[0] == "atomic" and path[-1] in device.ATOMICS:
            self.unit.atomics = True
            function = self.unit.given(text, device.ATOMICS[path[-1]])
            self.unit.varying.add(function.id)
            return function
        raise UnsupportedError(f"cuda.{'.'.join(path)} has no counterpart on a CPU (line {node.lineno})")

    def _whole(self, value: ast.expr) -> ast.expr:
        """An index or an extent: int32 where that shows, as on the device; loops are faster without."""
        return ast.Call(self.unit.given("int32", np.int32), [value], []) if self._narrow else value

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A place in the grid, an array, an operation of several threads, a device function."""
        if original := self.names.function(node.func):
            return self._device_function(original, node)
        if path := self.names.path(node.func):
            return self._device_call(node, path)
        value = self.names.value(node.func)
        if value in (math.floor, math.ceil, math.trunc):
            function = self.unit.given(f"whole_{value.__name__}", device.WHOLE[value.__name__])
            return ast.Call(function, [self.visit(argument) for argument in node.args], [])
        return self.generic_visit(node)  # type: ignore[return-value]

    def _device_call(self, node: ast.Call, path: Path) -> ast.expr:
        if path in (("grid",), ("gridsize",)):
            return _places(path[0], node)
        if path in (SHARED, LOCAL):
            return self._array(node, path)
        if path == ("const", "array_like"):
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        if path == ("lanemask_lt",):
            return ast.Call(self.unit.given("uint32", np.uint32), [parsed(device.LANES_BELOW)], [])
        if path[0] in OPERATIONS:
            return self._operation(node, path[0])
        return self.generic_visit(node)  # type: ignore[return-value]

    def _operation(self, node: ast.Call, operation: str) -> ast.expr:
        given = [self.visit(argument) for argument in node.args]
        if operation == "syncwarp" and not given:
            given = [ast.Constant(-1)]
        if len(given) != OPERATIONS[operation].inputs or node.keywords:
            raise UnsupportedError(f"cuda.{operation} isn't called so on a CPU (line {node.lineno})")
        made = ast.copy_location(Meeting(name("_"), given, []), node)
        made.operation = operation
        return made

    def _array(self, node: ast.Call, path: Path) -> ast.expr:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        given.update(zip(("shape", "dtype"), node.args, strict=False))
        dtype = as_dtype(self.names.value(given["dtype"]))
        shape, place = self.visit(given["shape"]), (self.names.tree, node.lineno, node.col_offset)
        if path == SHARED:
            return self.unit.shared_array(place, shape, dtype)
        made = self.unit.array(shape, dtype)
        assert isinstance(made, ast.Call)
        return LocalArray(made.func, made.args, [])

    def _device_function(self, original: FunctionType, node: ast.Call) -> ast.expr:
        given = [self.visit(argument) for argument in node.args]
        keywords = [ast.keyword(k.arg, self.visit(k.value)) for k in node.keywords]
        if self.meet(original):
            made = ast.copy_location(Meeting(name("_"), given, keywords), node)
            made.original = original
            return made
        function, atomics = self.translate(original)
        self.unit.atomics |= atomics
        called = self.unit.given(original.__name__, function)
        self.unit.varying.add(called.id)
        places = [name(text) for text in (*device.SIZES, *device.PLACES)]
        return ast.Call(called, [*places, *given], keywords)


def _places(text: str, node: ast.Call) -> ast.expr:
    """`cuda.grid` and `cuda.gridsize` from indices and extents."""
    count = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
    if not isinstance(count, int) or count not in (1, 2, 3):
        raise UnsupportedError(f"cuda.{text} needs 1, 2 or 3, as a number (line {node.lineno})")
    formula = (
        "_blockIdx_{0} * _blockDim_{0} + _threadIdx_{0}" if text == "grid" else "_gridDim_{0} * _blockDim_{0}"
    )
    made = [parsed(formula.format(axis)) for axis in "xyz"[:count]]
    return made[0] if len(made) == 1 else ast.Tuple(list(made), ast.Load())
