"""Luminance of a colour image: a thread for each pixel, on a grid of two dimensions.

Real images are rarely square, and CUDA's x runs along a row, while NumPy's first index picks the row. A
kernel that mixes the two up works on a square image, and on no other.
"""

import numpy as np

from hpcampus_kernels.backend import cuda, njit
from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance

# Weights of linear red, green and blue in luminance: Recommendation ITU-R BT.709.
RED, GREEN, BLUE = 0.2126, 0.7152, 0.0722


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """An image of shape (rows, columns, 3) with values in [0, 1), and an output full of NaN."""
    return rng.random((*size, 3), dtype=np.float32), np.full(size, np.nan, np.float32)


def reference(rgb: Array, grey: Array) -> Array:
    """NumPy's answer."""
    return np.asarray(rgb @ np.array([RED, GREEN, BLUE], np.float32))


@njit
def cpu(rgb: Array, grey: Array) -> None:
    """The same as two loops, compiled for the CPU."""
    rows, columns = grey.shape
    for row in range(rows):
        for column in range(columns):
            red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
            grey[row, column] = RED * red + GREEN * green + BLUE * blue


@cuda.jit
def gpu(rgb: Array, grey: Array) -> None:
    """Threads that are neighbours along x take neighbours in a row, which are neighbours in memory."""
    column, row = cuda.grid(2)
    rows, columns = grey.shape
    if row < rows and column < columns:
        red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
        grey[row, column] = RED * red + GREEN * green + BLUE * blue


PROBLEM = Problem(
    name="grey",
    parameters=("rgb", "grey"),
    output="grey",
    writes="once",
    arguments=arguments,
    reference=reference,
    cpu=cpu,
    gpu=gpu,
    flops=lambda size: 5 * size[0] * size[1],
    bytes_moved=lambda size: 4 * 4 * size[0] * size[1],
    tolerance=Tolerance(0.0, 5e-7, "five roundings of float32 (6e-8 each) on values below 1"),
    cases=(
        Case((8, 8), (1, 1), (8, 8)),
        Case((10, 30), (4, 2), (8, 8)),
        Case((30, 10), (2, 4), (8, 8)),
        Case((17, 9), (2, 3), (8, 8)),
        Case((1, 40), (3, 1), (16, 2)),
    ),
)
