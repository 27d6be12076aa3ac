"""Arithmetic that only devices have names for."""

from typing import Any

import numpy as np
from numba import types
from numba.core import typing
from numba.extending import intrinsic, overload

from hpcampus_kernels.cpu.device import compiled
from hpcampus_kernels.simulator.intrinsics import signature as types_of


def _found(name: str, *given: Any) -> Any:
    """The types that numba.cuda takes and gives; None where it has none."""
    unliteral: Any = types.unliteral  # which has no types
    return types_of(name, *map(unliteral, given))


@intrinsic
def _fused_of_types(_context: Any, x: Any, y: Any, z: Any) -> Any:
    """x y + z, rounded once."""
    takes, gives = _found("fma", x, y, z)

    def instruction(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    signature: Any = typing.signature  # type: ignore[attr-defined]  # Numba has no types for it
    return signature(gives, *takes), instruction


_fused: Any = _fused_of_types


@compiled
def _fma(x: Any, y: Any, z: Any) -> Any:
    return _fused(x, y, z)


def _bits(name: Any, value: Any) -> Any:
    raise NotImplementedError


def _width(name: Any, value: Any) -> Any:
    raise NotImplementedError


def _given(name: Any, value: Any, result: Any) -> Any:
    raise NotImplementedError


@overload(_bits, prefer_literal=True)
def _bits_of_type(name: Any, value: Any) -> Any:
    if (found := _found(name.literal_value, value)) is None:
        return None
    mask = np.uint64(2 ** found[0][0].bitwidth - 1)

    def bits(name: Any, value: Any) -> Any:
        return np.uint64(value) & mask

    return bits


@overload(_width, prefer_literal=True)
def _width_of_type(name: Any, value: Any) -> Any:
    width = _found(name.literal_value, value)[0][0].bitwidth

    def of_type(name: Any, value: Any) -> Any:
        return width

    return of_type


@overload(_given, prefer_literal=True)
def _given_of_type(name: Any, value: Any, result: Any) -> Any:
    kind = _found(name.literal_value, value)[1]

    def given(name: Any, value: Any, result: Any) -> Any:
        return kind(result)

    return given


@compiled
def _popc(value: Any) -> Any:
    count, rest = 0, _bits("popc", value)
    while rest:
        rest &= rest - np.uint64(1)
        count += 1
    return _given("popc", value, count)


@compiled
def _clz(value: Any) -> Any:
    count, rest = _width("clz", value), _bits("clz", value)
    while rest:
        rest >>= np.uint64(1)
        count -= 1
    return _given("clz", value, count)


@compiled
def _ffs(value: Any) -> Any:
    rest = _bits("ffs", value)
    for place in range(64):
        if rest >> np.uint64(place) & np.uint64(1):
            return np.uint32(place + 1)
    return np.uint32(0)


@compiled
def _brev(value: Any) -> Any:
    turned, rest = np.uint64(0), _bits("brev", value)
    for _ in range(_width("brev", value)):
        turned = turned << np.uint64(1) | rest & np.uint64(1)
        rest >>= np.uint64(1)
    return _given("brev", value, turned)


@compiled
def _selp(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no


@compiled
def _cbrt(value: Any) -> Any:
    return np.cbrt(value)


@compiled
def _nothing() -> None:
    pass


FUNCTIONS = {
    "fma": _fma,
    "popc": _popc,
    "clz": _clz,
    "ffs": _ffs,
    "brev": _brev,
    "selp": _selp,
    "cbrt": _cbrt,
    # What one thread has done is seen by the next: they run one after the other, or have nothing in common.
    "threadfence": _nothing,
    "threadfence_block": _nothing,
    "threadfence_system": _nothing,
}
