"""The Mandelbrot set on one core: a group of pixels at a time, until the last of them has left.

A loop that ends for each pixel by itself can't be put into vector instructions; one that goes on for all of
them can, and costs less even though some steps are for nothing.
"""

import numpy as np

from hpcampus_kernels.backend import njit
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.mandelbrot import FOUR, MOST_STEPS, TWO

GROUP = 64
# Steps between two looks at whether all have left.
LOOK = 8


@njit(error_model="numpy")
def some_steps(x0: Array, y0: np.float32, x: Array, y: Array, inside: Array) -> int:
    """LOOK steps for a group; how many steps its pixels took inside."""
    total = 0
    for _ in range(LOOK):
        for j in range(GROUP):
            squares_x, squares_y = x[j] * x[j], y[j] * y[j]
            still = squares_x + squares_y <= FOUR
            inside[j] += np.int32(1) if still else np.int32(0)
            # What has left grows without bound, to infinity and NaN, which are not inside either.
            y[j] = TWO * x[j] * y[j] + y0
            x[j] = squares_x - squares_y + x0[j]
    for j in range(GROUP):
        total += inside[j]
    return total


@njit(error_model="numpy")
def mandelbrot(left: np.float32, top: np.float32, step: np.float32, steps: Array) -> None:
    rows, columns = steps.shape
    x0, x, y = np.empty(GROUP, np.float32), np.empty(GROUP, np.float32), np.empty(GROUP, np.float32)
    inside = np.empty(GROUP, np.int32)
    for row in range(rows):
        y0 = top + np.float32(row) * step
        for first in range(0, columns, GROUP):
            for j in range(GROUP):
                x0[j] = left + np.float32(first + j) * step
                x[j], y[j], inside[j] = x0[j], y0, 0
            before = -1
            for _ in range(0, MOST_STEPS, LOOK):
                now = some_steps(x0, y0, x, y, inside)
                if now == before:
                    break
                before = now
            for j in range(min(GROUP, columns - first)):
                steps[row, first + j] = inside[j]
