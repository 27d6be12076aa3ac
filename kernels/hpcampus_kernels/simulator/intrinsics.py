"""Arithmetic that only devices have names for, with the types that numba.cuda gives it.

How many bits `popc` counts follows from the type, not from the value: an int32 has 32, and a literal, which
is an int64, has 64. `brev` takes 32 bits of all but a uint64.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from numba import types

from hpcampus_kernels.simulator.arithmetic import Signature, converter, type_of

# Of these and float32, numba.cuda takes float32. A uint16 is none of them.
SHORT = (types.boolean, types.int8, types.uint8, types.int16)
FULL = (types.int32, types.uint32, types.int64, types.uint64)
SELECTED = (*FULL, types.int16, types.uint16, types.float32, types.float64)


class Intrinsics:
    """A part of `cuda` that needs to know nothing of threads."""

    @staticmethod
    def fma(x: Any, y: Any, z: Any) -> Any:
        """x y + z, rounded once."""
        return _applied("fma", x, y, z)

    @staticmethod
    def popc(value: Any) -> Any:
        """How many bits are 1."""
        return _applied("popc", value)

    @staticmethod
    def clz(value: Any) -> Any:
        """How many bits above the highest 1."""
        return _applied("clz", value)

    @staticmethod
    def ffs(value: Any) -> Any:
        """The place of the lowest 1, from 1; 0 if there is none."""
        return _applied("ffs", value)

    @staticmethod
    def brev(value: Any) -> Any:
        """The bits in reverse."""
        return _applied("brev", value)

    @staticmethod
    def selp(condition: Any, yes: Any, no: Any) -> Any:
        """One of two values."""
        return _applied("selp", condition, yes, no)

    @staticmethod
    def cbrt(value: Any) -> Any:
        """The cube root."""
        return _applied("cbrt", value)


NAMES: dict[Any, str] = {
    getattr(Intrinsics, name): name for name in ("fma", "popc", "clz", "ffs", "brev", "selp", "cbrt")
}


@cache
def signature(name: str, *kinds: types.Type) -> Signature | None:
    """The types that it takes and gives when it gets these; None where numba.cuda has none."""
    kind = kinds[-1]
    if name in ("fma", "cbrt"):
        single = all(one in (*SHORT, types.float32) for one in kinds)
        gives: types.Type = types.float32 if single else types.float64
        real = all(isinstance(one, (types.Integer, types.Boolean, types.Float)) for one in kinds)
        return ((gives,) * len(kinds), gives) if real else None
    if name == "selp":
        return ((types.boolean, kind, kind), kind) if kinds[1] == kind and kind in SELECTED else None
    if name == "ffs":
        return ((kind,), types.uint32) if kind in FULL else None
    if not isinstance(kind, (types.Integer, types.Boolean)):
        return None
    if name == "brev":
        kind = types.uint64 if kind == types.uint64 else types.uint32
    elif kind == types.boolean:
        kind = types.int8
    return (kind,), kind


@cache
def operation(name: str, *kinds: types.Type) -> Callable[..., Any]:
    """The function for values of these types; a TypeError where numba.cuda has none."""
    found = signature(name, *kinds)
    if found is None:
        raise TypeError(refusal(name, *kinds))
    takes, gives = found
    casts, out = [converter(kind) for kind in takes], converter(gives)
    compute = _computed(name, takes[0])
    return lambda *values: out(compute(*(cast(value) for cast, value in zip(casts, values, strict=True))))


def refusal(name: str, *kinds: types.Type) -> str:
    """Words for what numba.cuda doesn't take."""
    return f"numba.cuda has no cuda.{name} of {' and '.join(str(kind) for kind in kinds)}"


def _applied(name: str, *values: Any) -> Any:
    kinds = [type_of(value) for value in values]
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        raise TypeError(f"numba.cuda has no cuda.{name} of what is no number")
    return operation(name, *known)(*values)


def _computed(name: str, kind: types.Type) -> Callable[..., Any]:
    width = getattr(kind, "bitwidth", 1)
    mask = (1 << width) - 1
    computed: dict[str, Callable[..., Any]] = {
        "fma": _rounded_to_single if kind == types.float32 else _rounded_once,
        "popc": lambda value: (int(value) & mask).bit_count(),
        "clz": lambda value: width - (int(value) & mask).bit_length(),
        "ffs": lambda value: (int(value) & -int(value)).bit_length(),
        "brev": lambda value: int(f"{int(value) & mask:0{width}b}"[::-1], 2),
        "selp": lambda condition, yes, no: yes if condition else no,
        "cbrt": np.cbrt,
    }
    return computed[name]


def _rounded_once(x: float, y: float, z: float) -> float:
    """x y + z to the nearest float64."""
    x, y, z = float(x), float(y), float(z)
    if math.isinf(z) and math.isfinite(x) and math.isfinite(y):
        return z  # where x y alone would be too large as well
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return x * y + z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if not exact:
        return x * y + z  # which has the sign of a zero
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _rounded_to_single(x: float, y: float, z: float) -> np.float32:
    """x y + z to the nearest float32.

    A float64 between that is not exact is made odd, so that it can't lie in the middle of two float32
    [Boldo and Melquiond 2008].
    """
    x, y, z = float(x), float(y), float(z)
    product = x * y  # exact: 2 times 24 bits
    near = product + z
    if not math.isfinite(near):
        return np.float32(near)
    back = near - product
    error = (product - (near - back)) + (z - back)
    if error and not np.float64(near).view(np.int64) & 1:
        near = math.nextafter(near, math.copysign(math.inf, error))
    return np.float32(near)
