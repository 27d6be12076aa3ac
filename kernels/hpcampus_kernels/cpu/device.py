"""What kernels say to the device, as names that a CPU has; atomic operations for one thread at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# The shape of the launch and the place of a thread: arguments that each translated function has first.
SIZES = tuple(f"_{what}_{axis}" for what in ("gridDim", "blockDim") for axis in "xyz")
PLACES = tuple(f"_{what}_{axis}" for what in ("blockIdx", "threadIdx") for axis in "xyz")
WARP = 32

compiled: Callable[[Callable[..., Any]], Any] = njit(error_model="numpy")


# Each atomic operation gives the old value.


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
def _inc(array: Any, key: Any, limit: Any) -> Any:
    old = array[key]
    array[key] = 0 if old >= limit else old + 1
    return old


@compiled
def _dec(array: Any, key: Any, limit: Any) -> Any:
    old = array[key]
    array[key] = limit if old == 0 or old > limit else old - 1
    return old


@compiled
def _nanmax(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    if value > old or old != old:  # noqa: PLR0124 - only NaN differs from itself
        array[key] = value
    return old


@compiled
def _nanmin(array: Any, key: Any, value: Any) -> Any:
    old = array[key]
    if value < old or old != old:  # noqa: PLR0124
        array[key] = value
    return old


@compiled
def _first_cas(array: Any, expected: Any, value: Any) -> Any:
    return _cas(array, 0, expected, value)


ATOMICS = {
    "add": _add,
    "sub": _sub,
    "max": _max,
    "min": _min,
    "nanmax": _nanmax,
    "nanmin": _nanmin,
    "and_": _and,
    "or_": _or,
    "xor": _xor,
    "inc": _inc,
    "dec": _dec,
    "exch": _exch,
    "cas": _cas,
    "compare_and_swap": _first_cas,
}
# On a device these give a float.
WHOLE = {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}
_LANE = f"((_threadIdx_z * _blockDim_y + _threadIdx_y) * _blockDim_x + _threadIdx_x) % {WARP}"
LANES_BELOW = f"(1 << {_LANE}) - 1"
EXPRESSIONS = {"warpsize": str(WARP), "laneid": _LANE}
