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
    """An array; `whole` if its elements lie one after the other from the start of its memory.

    A `local` one belongs to one thread.
    """

    dtype: "np.dtype[Any]"
    ndim: int
    whole: bool = False
    local: bool = False


@dataclass(frozen=True)
class Record:
    """One element of a structured array."""

    dtype: "np.dtype[Any]"


@dataclass(frozen=True)
class Known:
    """A value that is the same for all threads: a module, a function, a type."""

    value: Any


@dataclass(frozen=True)
class Torn:
    """A variable that is this on one way and that on another, and no type fits both."""

    one: "Static"
    other: "Static"

    def __str__(self) -> str:
        return f"{_named(self.one)} on one way and {_named(self.other)} on another"


# A tuple holds what is known of its elements; None is something of which nothing is known.
Static = Number | Array | Record | Known | Torn | tuple[Any, ...] | None

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
    return of_type(from_dtype(dtype))


def of_type(kind: types.Type) -> Number:
    """A number of that type, of which nothing else is known."""
    if not isinstance(kind, types.Integer):
        return TRUTH if isinstance(kind, types.Boolean) else Number(kind)
    # One more for the sign of those that have none.
    return Number(kind, (kind.maxval - kind.minval).bit_length() + (kind.minval == 0))


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


def met(one: Static, other: Static) -> Static:
    """What a variable is where two ways meet."""
    both = joined(one, other)
    clear = (Number, Array, Torn, tuple)
    if both is None and isinstance(one, clear) and isinstance(other, clear):
        return one if isinstance(one, Torn) else other if isinstance(other, Torn) else Torn(one, other)
    return both


def _named(kind: Static) -> str:
    if isinstance(kind, Array):
        return f"an array of {kind.dtype} with {kind.ndim} dimensions"
    return str(kind.kind) if isinstance(kind, Number) else "a tuple"
