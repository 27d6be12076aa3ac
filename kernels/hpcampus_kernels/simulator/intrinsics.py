"""Arithmetic that only devices have names for."""

from typing import Any

import numpy as np


class Intrinsics:
    """A part of `cuda` that needs to know nothing of threads."""

    @staticmethod
    def fma(x: Any, y: Any, z: Any) -> Any:
        """x y + z, rounded once (through float64, which is exact for the product of two float32)."""
        single = all(isinstance(value, (np.float32, int)) for value in (x, y, z))
        exact = np.float64(x) * np.float64(y) + np.float64(z)
        return np.float32(exact) if single else exact

    @staticmethod
    def popc(value: Any) -> int:
        """How many bits are 1."""
        return _unsigned(value)[0].bit_count()

    @staticmethod
    def clz(value: Any) -> int:
        """How many bits above the highest 1."""
        bits, width = _unsigned(value)
        return width - bits.bit_length()

    @staticmethod
    def ffs(value: Any) -> int:
        """The place of the lowest 1, from 1; 0 if there is none."""
        bits, _ = _unsigned(value)
        return (bits & -bits).bit_length()

    @staticmethod
    def brev(value: Any) -> int:
        """The bits in reverse."""
        bits, width = _unsigned(value)
        return int(f"{bits:0{width}b}"[::-1], 2)

    @staticmethod
    def selp(condition: Any, yes: Any, no: Any) -> Any:
        """One of two values."""
        return yes if condition else no

    @staticmethod
    def rsqrt(value: Any) -> Any:
        """1 / sqrt(x)."""
        return type(value)(1 / np.sqrt(value))

    @staticmethod
    def cbrt(value: Any) -> Any:
        """The cube root."""
        return np.cbrt(value)


def _unsigned(value: Any) -> tuple[int, int]:
    """The bits of an integer and how many they are: 32, unless it needs or has 64."""
    wide = getattr(value, "itemsize", 4) == 8 or not -(2**31) <= int(value) < 2**32
    width = 64 if wide else 32
    return int(value) & ((1 << width) - 1), width
