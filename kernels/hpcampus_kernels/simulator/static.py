"""What is known of a value before a kernel runs: Numba's types, and how many bits an integer needs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from hpcampus_kernels.simulator.arithmetic import type_of, unified


@dataclass(frozen=True)
class Number:
    """A number of one type. An integer needs at most so many bits, its sign included."""

    kind: types.Type
    bits: int = 64

    @property
    def inexact(self) -> bool:
        """Whether arithmetic with it counts as floating-point operations."""
        return isinstance(self.kind, (types.Float, types.Complex))

    @property
    def plain(self) -> bool:
        """Whether it is one of Python's integers here."""
        return isinstance(self.kind, (types.Integer, types.Boolean)) and self.kind != types.uint64


@dataclass(frozen=True)
class Array:
    """An array; `whole` if its elements lie one after the other from the start of its memory."""

    dtype: "np.dtype[Any]"
    ndim: int
    whole: bool = False


@dataclass(frozen=True)
class Record:
    """One element of a structured array."""

    dtype: "np.dtype[Any]"


@dataclass(frozen=True)
class Known:
    """A value that is the same for all threads: a module, a function, a type."""

    value: Any


# A tuple holds what is known of its elements; None is something of which nothing is known.
Static = Number | Array | Record | Known | tuple[Any, ...] | None

TRUTH = Number(types.boolean, 2)
INDEX = Number(types.int32, 32)
SLICE = Known(slice)
PLACE = Number(types.int64, 48)  # a place in the whole grid: less than 2**31 blocks of at most 2**10 threads


def element(dtype: "np.dtype[Any]") -> Static:
    """What an element of an array is."""
    if dtype.names:
        return Record(dtype)
    if dtype.kind not in "biufc" or dtype == np.float16:
        return None
    kind = from_dtype(dtype)
    return Number(kind, 8 * dtype.itemsize + (dtype.kind == "u") if dtype.kind != "b" else 2)


def of_number(value: Any) -> Static:
    """What a number is that is known already."""
    kind = type_of(value)
    if kind is None:
        return None
    bits = int(value).bit_length() + 1 if isinstance(value, (int, np.integer)) else 64
    return Number(kind, bits)


def joined(one: Static, other: Static) -> Static:
    """What a variable is that is sometimes this and sometimes that."""
    if one == other:
        return one
    if isinstance(one, Number) and isinstance(other, Number):
        kind = unified(one.kind, other.kind)
        return None if kind is None else Number(kind, max(one.bits, other.bits))
    if isinstance(one, Array) and isinstance(other, Array) and one.dtype == other.dtype:
        return Array(one.dtype, one.ndim) if one.ndim == other.ndim else None
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return tuple(joined(a, b) for a, b in zip(one, other, strict=True))
    return None
