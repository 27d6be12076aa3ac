"""Numbers as the device has them: what an array gives, what it keeps of a value, and the functions of `math`.

A float32 element is read as `numpy.float32`, so float32 arithmetic rounds as on the device. Integers are read
as Python's: Numba computes with 64 bits whatever the width of the element, and the store cuts them down.
Known differences: a float32 times an integer is float64 on the device, float32 here; an integer that leaves
64 bits inside an expression wraps on the device, and only at the store here.
"""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np


class UnsupportedError(Exception):
    """The simulator can't do this; the message names it."""


def as_dtype(given: Any) -> np.dtype[Any]:
    """The NumPy type for a NumPy or Numba type."""
    try:
        dtype: np.dtype[Any] = np.dtype(given)
    except TypeError:
        dtype = np.dtype(str(given))
    if dtype.kind not in "biufc":
        raise UnsupportedError(f"the simulator has no arrays of {dtype}: only booleans and numbers")
    return dtype


def caster(dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    """What a store of a value into an array of that type keeps: rounded, cut off, or wrapped around."""
    if dtype.kind == "b":
        return bool
    if dtype.kind in "iu":
        return _wrapper(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    scalar: Callable[[Any], Any] = dtype.type
    return scalar


def _wrapper(low: int, high: int) -> Callable[[Any], int]:
    span = high - low + 1

    def wrap(value: Any) -> int:
        try:
            whole = int(value)
        except (ValueError, OverflowError):  # NaN and infinity
            return low
        return whole if low <= whole <= high else (whole - low) % span + low

    return wrap


def elements(array: np.ndarray[Any, Any]) -> list[Any]:
    """The elements in C order, as a kernel reads them."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.tolist() if array.dtype.kind in "biu" else list(flat)


def poison(dtype: np.dtype[Any]) -> Any:
    """What memory that nobody wrote gives: the bits are all 1, which is NaN or -1."""
    return elements(np.frombuffer(b"\xff" * dtype.itemsize, dtype))[0] if dtype.kind != "b" else True


def scalar(value: Any) -> Any:
    """A scalar argument as a kernel sees it."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, float) and not isinstance(value, np.floating):
        return np.float64(value)
    return value


def _imitate(name: str) -> Callable[..., Any]:
    function = getattr(math, name)

    def imitation(*arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except ValueError:
            result = math.nan
        except OverflowError:
            result = math.inf
        if not isinstance(result, float):
            return result
        single = any(isinstance(argument, np.float32) for argument in arguments)
        double = any(isinstance(argument, np.float64) for argument in arguments)
        return np.float32(result) if single and not double else np.float64(result)

    return imitation


# `math` for kernels: of a float32 it gives a float32, and NaN or infinity instead of an exception.
device_math = SimpleNamespace(
    **{
        name: _imitate(name) if callable(getattr(math, name)) else np.float64(getattr(math, name))
        for name in dir(math)
        if not name.startswith("_")
    }
)
