"""Numbers as the device has them: what an array gives, what it keeps, and the functions of `math`."""

import math
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numba import types
from numba.np.numpy_support import as_dtype as numba_dtype
from numba.np.numpy_support import from_dtype

from hpcampus_kernels.simulator.arithmetic import converter


class UnsupportedError(Exception):
    """The simulator can't do this; the message names it."""


def as_dtype(given: Any) -> np.dtype[Any]:
    """The NumPy type for a NumPy or Numba type."""
    dtype = numba_dtype(given) if isinstance(given, types.Type) else np.dtype(given)
    leaves = [dtype[name] for name in dtype.names] if dtype.names else [dtype]
    for leaf in leaves:
        if leaf.kind not in "biufc":
            raise UnsupportedError(
                f"the simulator has no arrays of {leaf}: only booleans, numbers, and records of these"
            )
    return dtype


def caster(dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    """What a store of a value into an array of that type keeps: rounded, cut off, or wrapped around."""
    scalar: Callable[[Any], Any] = dtype.type
    return scalar if dtype == np.float16 else converter(from_dtype(dtype))


def elements(array: np.ndarray[Any, Any]) -> list[Any]:
    """The elements in C order, as a kernel reads them; records field by field."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if array.dtype.names:
        columns = [elements(flat[name]) for name in array.dtype.names]
        return [value for row in zip(*columns, strict=True) for value in row]
    return flat.tolist() if array.dtype.kind in "biu" and array.dtype != np.uint64 else list(flat)


def restore(array: np.ndarray[Any, Any], values: list[Any]) -> None:
    """Put the elements back."""
    names = array.dtype.names
    for place, name in enumerate(names or ()):
        array[name] = np.array(values[place :: len(names or ())], array.dtype[name]).reshape(array.shape)
    if not names:
        array[...] = np.array(values, array.dtype).reshape(array.shape)


def poison(dtype: np.dtype[Any]) -> Any:
    """What memory that nobody wrote gives: the bits are all 1, which is NaN or -1."""
    return elements(np.frombuffer(b"\xff" * dtype.itemsize, dtype))[0] if dtype.kind != "b" else True


def scalar(value: Any) -> Any:
    """A scalar argument as a kernel sees it."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)) and not isinstance(value, np.uint64):
        return int(value)
    if isinstance(value, float) and not isinstance(value, np.floating):
        return np.float64(value)
    return np.complex128(value) if type(value) is complex else value


# A device rounds to a whole float, not to an integer.
WHOLE: dict[str, Callable[[Any], float]] = {
    "floor": lambda x: float(np.floor(x)),
    "ceil": lambda x: float(np.ceil(x)),
    "trunc": lambda x: float(np.trunc(x)),
}


@cache
def imitated(name: str, cast: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of `math`: NaN or infinity instead of an exception, and a result of that type."""
    function = WHOLE.get(name) or getattr(math, name)

    def imitation(*arguments: Any) -> Any:
        try:
            return cast(function(*arguments))
        except ValueError:
            return cast(math.nan)
        except OverflowError:
            return cast(math.inf)

    return imitation


def _imitate(name: str) -> Callable[..., Any]:
    single, double, other = (imitated(name, cast) for cast in (np.float32, np.float64, lambda value: value))
    whole = name not in WHOLE and name.startswith(("is", "gcd", "lcm", "comb", "perm", "factorial"))

    def imitation(*arguments: Any) -> Any:
        kinds = {type(argument) for argument in arguments}
        if whole or name in ("frexp", "modf"):
            return other(*arguments)
        return single(*arguments) if np.float32 in kinds and np.float64 not in kinds else double(*arguments)

    imitation.__name__ = name
    return imitation


# `math` for kernels, where types only show as it runs: of a float32 it gives a float32.
device_math = SimpleNamespace(
    **{
        name: _imitate(name) if callable(getattr(math, name)) else np.float64(getattr(math, name))
        for name in dir(math)
        if not name.startswith("_")
    }
)
