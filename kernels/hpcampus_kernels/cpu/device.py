"""What kernels say to the device, as names and functions that a CPU has."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# The shape of the launch and the place of a thread: arguments that each translated function has first.
SIZES = tuple(f"_{what}_{axis}" for what in ("gridDim", "blockDim") for axis in "xyz")
PLACES = tuple(f"_{what}_{axis}" for what in ("blockIdx", "threadIdx") for axis in "xyz")
WARP = 32

compiled: Callable[[Callable[..., Any]], Any] = njit(error_model="numpy")


# Atomic operations where only one thread runs at a time. Each gives the old value.


@compiled
def _add(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = old + value
    return old


@compiled
def _sub(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = old - value
    return old


@compiled
def _max(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    if value > old:
        array[key] = value
    return old


@compiled
def _min(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    if value < old:
        array[key] = value
    return old


@compiled
def _and(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = old & value
    return old


@compiled
def _or(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = old | value
    return old


@compiled
def _xor(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = old ^ value
    return old


@compiled
def _exch(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    array[key] = value
    return old


@compiled
def _cas(array: Any, key: Any, expected: Any, value: Any) -> Any:
    old = array[key]
    if old == expected:
        array[key] = value
    return old


@compiled
def _fma(x: Any, y: Any, z: Any) -> Any:
    return x * y + z


@compiled
def _popc(value: Any) -> Any:
    count, rest = 0, np.uint64(value)
    while rest:
        rest &= rest - np.uint64(1)
        count += 1
    return count


ATOMICS = {
    "add": _add,
    "sub": _sub,
    "max": _max,
    "min": _min,
    "and_": _and,
    "or_": _or,
    "xor": _xor,
    "exch": _exch,
    "cas": _cas,
}
FUNCTIONS = {"fma": _fma, "popc": _popc}
# On a device these give a float.
WHOLE = {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}
