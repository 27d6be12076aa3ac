"""Calls in a kernel: of what Python and Numba build in, of the device, and of other device functions."""

import ast
import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import types

from hpcampus_kernels.simulator import arithmetic, intrinsics, xoroshiro
from hpcampus_kernels.simulator.accesses import Accesses
from hpcampus_kernels.simulator.expressions import Typed, call, load
from hpcampus_kernels.simulator.log import Line
from hpcampus_kernels.simulator.sizes import check_size
from hpcampus_kernels.simulator.static import (
    INDEX,
    PLACE,
    TRUTH,
    Array,
    Known,
    Number,
    Static,
    of_number,
    of_type,
)
from hpcampus_kernels.simulator.threads import BLOCK, Wait
from hpcampus_kernels.simulator.values import WHOLE, UnsupportedError, as_dtype, device_math, imitated

SHUFFLES = ("shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync")
VOTES = ("all_sync", "any_sync", "eq_sync", "ballot_sync", "match_any_sync", "match_all_sync", "activemask")
COUNTING = ("syncthreads_count", "syncthreads_and", "syncthreads_or")
BARRIERS = ("syncthreads", *COUNTING, "syncwarp", "_grid_sync")
# What the device's own functions give; of others, the value shows.
GIVES: dict[str, Static] = {
    **dict.fromkeys(COUNTING, INDEX),
    **dict.fromkeys(("all_sync", "any_sync", "eq_sync"), TRUTH),
}
# Where a thread lets others run; the device's functions give what it waits for.
WAITS = {*SHUFFLES, *VOTES, *BARRIERS, "nanosleep"}
INT64 = Number(types.int64)


class Calls(Accesses):
    """The part of a translator that knows functions."""

    target: str
    definition: ast.FunctionDef
    waits: bool
    atomics: int

    def _call(self, node: ast.Call) -> Typed:
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            raise UnsupportedError(f"the simulator has no *arguments in kernels (line {node.lineno})")
        function, kind = self.expression(node.func)
        value = kind.value if isinstance(kind, Known) else None
        device = self.converter.device
        if getattr(value, "__self__", None) is device.atomic:
            self.atomics += 1
            return self.atomic(node)
        if value in (device.shared.array, device.local.array):
            return self._array(function, node, local=value == device.local.array)
        typed = [self.expression(argument) for argument in node.args]
        keywords = {keyword.arg or "": self.expression(keyword.value) for keyword in node.keywords}
        found = None if value is None or keywords else self._special(value, typed)
        return found or self._ordinary(function, value, typed, keywords, node.lineno)

    def _ordinary(
        self, function: ast.expr, value: Any, typed: list[Typed], keywords: dict[str, Typed], line: int
    ) -> Typed:
        """A call as it stands, but waiting for others where that is meant."""
        if self.converter.is_function(value):
            return self._device_function(value, typed, keywords, line)
        if (name := getattr(value, "__name__", "")) in COUNTING and typed and typed[0][1] == TRUTH:
            raise UnsupportedError(
                f"numba.cuda has no cuda.{name} of bool (line {line}): give an integer, by int(...)"
            )
        made: ast.expr = ast.Call(function, [part for part, _ in typed], _passed(keywords))
        if value == self.converter.device.syncthreads and not typed:
            made = self.barrier(line)
        if name in WAITS and self.converter.of_the_device(value):
            self.waits = True
            made = ast.Yield(made)
        return made, self._gives(value, typed)

    def barrier(self, line: int) -> ast.Name:
        """What a thread waits for at a barrier in that line: the same for all."""
        name = f"barrier:{line}"
        self.names[name] = Wait(BLOCK, "syncthreads", Line(self.file, line))
        return load(name)

    def _device_function(
        self, value: Any, typed: list[Typed], keywords: dict[str, Typed], line: int
    ) -> Typed:
        at = self.at or (Line(self.file, line) if value.__module__ == xoroshiro.__name__ else None)
        name, translator = self.converter.specialised(value, _bound(value, typed, keywords), at)
        if name not in self.converter.functions:
            raise UnsupportedError(f"the simulator has no recursion: {value.__name__} calls itself")
        self.names[name] = self.converter.functions[name]
        made = ast.Call(load(name), [part for part, _ in typed], _passed(keywords))
        self.atomics += translator.atomics
        if translator.waits:
            self.waits = True
            return ast.YieldFrom(made), translator.result
        return made, translator.result

    def _gives(self, value: Any, typed: list[Typed]) -> Static:
        name = getattr(value, "__name__", "")
        device = self.converter.device
        if value == device.cg.this_grid:
            return Known(device.whole_grid)
        if getattr(value, "__self__", None) is not device:
            return None
        if name in ("grid", "gridsize") and isinstance(typed[0][0], ast.Constant):
            places: dict[Any, Static] = {1: PLACE, 2: (PLACE, PLACE), 3: (PLACE, PLACE, PLACE)}
            return places.get(typed[0][0].value)
        if name in SHUFFLES and len(typed) > 1:
            return typed[1][1]
        return device.lanes_as.get(name) or GIVES.get(name)

    def _array(self, function: ast.expr, node: ast.Call, local: bool) -> Typed:
        """A shared or local array: it gets a number of its own, and the name it is given to."""
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        given.update(zip(("shape", "dtype"), node.args, strict=False))
        check_size(given["shape"], self.definition)
        shape, kind = self.expression(given["shape"])
        dtype, known = self.expression(given["dtype"])
        place = ast.Constant(f"{self.file}:{node.lineno}:{node.col_offset}")
        made = call(function, place, ast.Constant(self.target), shape, dtype)
        if not isinstance(known, Known):
            return made, None
        ndim = len(kind) if isinstance(kind, tuple) else 1
        return made, Array(as_dtype(known.value), ndim, whole=True, local=local)

    def _special(self, value: Any, typed: list[Typed]) -> Typed | None:
        """What Python builds in, types, and `math`."""
        handler = BUILTINS.get(value) if getattr(value, "__hash__", None) else None
        if handler is not None and typed:
            return handler(self, typed)
        if isinstance(value, types.Number) or (isinstance(value, type) and issubclass(value, np.generic)):
            kind = value if isinstance(value, types.Number) else types_of(value)
            return self._converted(kind, typed)
        name = getattr(value, "__name__", "")
        if value is not None and value is getattr(device_math, name, None):
            return self._math(name, typed)
        if isinstance(value, np.ufunc):
            return self._ufunc(value, typed)
        return self._intrinsic(value, typed) if isinstance(value, FunctionType) else None

    def _converted(self, kind: types.Type, typed: list[Typed]) -> Typed | None:
        if len(typed) != 1:
            return None
        wanted = of_type(kind)
        node, known = typed[0]
        if isinstance(known, Number) and known.kind == kind:
            return node, known
        return call(self.given(arithmetic.converter(kind)), node), wanted

    def _kinds(self, typed: list[Typed]) -> list[types.Type]:
        return [kind.kind for _, kind in typed if isinstance(kind, Number)]

    def _math(self, name: str, typed: list[Typed]) -> Typed | None:
        self.flops += 1
        kinds = self._kinds(typed)
        if len(kinds) != len(typed):
            return None
        if name in WHOLE:
            gives = types.float32 if kinds == [types.float32] else types.float64
        else:
            found = arithmetic.signature(getattr(math, name), *kinds)
            if found is None or not isinstance(found[1], types.Float):
                return None
            gives = found[1]
        function = imitated(name, arithmetic.converter(gives))
        return call(self.given(function), *(part for part, _ in typed)), Number(gives)

    def _intrinsic(self, function: FunctionType, typed: list[Typed]) -> Typed | None:
        name, kinds = intrinsics.NAMES.get(function), self._kinds(typed)
        self.flops += 2 * (name == "fma")
        if name is None or len(kinds) != len(typed):
            return None
        found = intrinsics.signature(name, *kinds)
        if found is None:
            raise UnsupportedError(f"{intrinsics.refusal(name, *kinds)} (line {self.statement})")
        computed = intrinsics.operation(name, *kinds)
        return call(self.given(computed), *(part for part, _ in typed)), of_type(found[1])

    def _ufunc(self, value: Any, typed: list[Typed]) -> Typed | None:
        kinds = self._kinds(typed)
        found = arithmetic.signature(value, *kinds) if len(kinds) == len(typed) else None
        if found is None:
            return None
        self.flops += isinstance(found[1], types.Float)
        made = call(self.given(value), *(part for part, _ in typed))
        return call(self.given(arithmetic.converter(found[1])), made), Number(found[1])

    # What Python builds in.

    def extreme(self, function: Callable[..., Any], typed: list[Typed]) -> Typed | None:
        """`min` and `max`, two by two."""
        if len(typed) < 2:
            return None
        result = typed[0]
        for other in typed[1:]:
            result = self._two(function, result, other)
        return result

    def _two(self, function: Callable[..., Any], one: Typed, other: Typed) -> Typed:
        a, b = one[1], other[1]
        if not isinstance(a, Number) or not isinstance(b, Number):
            return self._unknown(function, one, other)
        found = self.resolved(function, a.kind, b.kind)
        if a.plain and b.plain:
            made = call(self.given(function), one[0], other[0])
            return made, Number(found[1], max(a.bits, b.bits))
        compute = arithmetic.compiled(function, a.kind, b.kind)
        return call(self.given(compute), one[0], other[0]), Number(found[1])

    def length(self, typed: list[Typed]) -> Typed:
        """`len`."""
        return call(self.given(len), typed[0][0]), PLACE

    def absolute(self, typed: list[Typed]) -> Typed:
        """`abs`, which keeps the type."""
        kind = typed[0][1]
        if isinstance(kind, Number) and isinstance(kind.kind, types.Complex):
            kind = Number(types.float32 if kind.kind == types.complex64 else types.float64)
            return call(self.given(abs), typed[0][0]), kind
        return call(self.given(arithmetic.absolute), typed[0][0]), kind

    def whole(self, typed: list[Typed]) -> Typed | None:
        """`int`."""
        return self._converted(types.int64, typed)

    def floating(self, typed: list[Typed]) -> Typed | None:
        """`float`, which leaves a float32 as it is."""
        kind = typed[0][1]
        return (
            typed[0] if isinstance(kind, Number) and kind.inexact else self._converted(types.float64, typed)
        )

    def rounded(self, typed: list[Typed]) -> Typed:
        """`round`."""
        kind = typed[0][1] if len(typed) > 1 else INT64
        return call(self.given(arithmetic.rounded), *(part for part, _ in typed)), kind

    def power(self, typed: list[Typed]) -> Typed | None:
        """`pow`."""
        return self.binary(ast.Pow(), *typed) if len(typed) == 2 else None

    def attribute_of(self, typed: list[Typed]) -> Typed | None:
        """`getattr` with a name that is known."""
        (base, kind), (_, name) = typed[:2]
        if not isinstance(kind, Known) or not isinstance(name, Known):
            return None
        node = ast.Attribute(base, name.value, ast.Load())
        return self.known(node, self.converter.attribute(kind.value, name.value))


BUILTINS: dict[Any, Callable[[Calls, list[Typed]], Typed | None]] = {
    min: lambda calls, typed: calls.extreme(min, typed),
    max: lambda calls, typed: calls.extreme(max, typed),
    len: Calls.length,
    abs: Calls.absolute,
    int: Calls.whole,
    float: Calls.floating,
    round: Calls.rounded,
    pow: Calls.power,
    bool: lambda calls, typed: (call(calls.given(bool), typed[0][0]), TRUTH),
    getattr: Calls.attribute_of,
}


def types_of(scalar: type) -> types.Type:
    """Numba's type for one of NumPy's scalars."""
    from numba.np.numpy_support import from_dtype  # noqa: PLC0415

    return from_dtype(np.dtype(scalar))


def _passed(keywords: dict[str, Typed]) -> list[ast.keyword]:
    return [ast.keyword(name, part) for name, (part, _) in keywords.items()]


def _bound(function: Any, typed: list[Typed], keywords: dict[str, Typed]) -> dict[str, Static]:
    """What is known of the parameters of a device function."""
    parameters = inspect.signature(function).parameters
    known: dict[str, Static] = {
        name: of_number(parameter.default)
        for name, parameter in parameters.items()
        if parameter.default is not parameter.empty
    }
    known.update(zip(parameters, (kind for _, kind in typed), strict=False))
    known.update({name: kind for name, (_, kind) in keywords.items()})
    return known
