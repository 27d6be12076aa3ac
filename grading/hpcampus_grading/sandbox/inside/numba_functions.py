"""Functions that are compiled and thrown away, so that Numba has loaded what exercises will need."""

from typing import Any

import numba
import numpy as np


def total(values: Any) -> Any:
    """A loop with a sum."""
    result = 0.0
    for index in range(values.shape[0]):
        result += values[index] * 2
    return result


def blur(image: Any) -> Any:
    """Nested loops, a new array, conditions, and functions of mathematics."""
    result = np.zeros_like(image)
    rows, columns = image.shape
    for row in range(1, rows - 1):
        for column in range(1, columns - 1):
            value = image[row - 1, column] + image[row + 1, column] + image[row, column]
            result[row, column] = np.sqrt(abs(value)) if value > 0 else min(value, 0.0)
    return result


def by_array(values: Any, other: Any) -> Any:
    """Expressions of whole arrays, slices and NumPy's reductions."""
    mixed = values * 2 + other
    mixed[1:-1] = mixed[2:] - mixed[:-2]
    return np.sum(mixed) + mixed.max() + np.mean(mixed)


def count(values: Any) -> Any:
    """Whole numbers, a while loop, tuples and an array that is filled."""
    found = np.empty(values.size, dtype=np.int64)
    index, filled = 0, 0
    while index < values.size:
        if values[index] % 2 == 0:
            found[filled] = values[index]
            filled += 1
        index += 1
    return found[:filled], filled


def compile_all() -> None:
    """Compile and run each once."""
    line, square = np.ones(4), np.ones((4, 4))
    njit: Any = numba.njit
    njit(total)(line)
    njit(total)(line.astype(np.float32))
    njit(blur)(square)
    njit(by_array)(line, line)
    njit(count)(np.arange(4))
