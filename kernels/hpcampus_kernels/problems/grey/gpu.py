"""Luminance on a GPU."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED


@cuda.jit
def grey(rgb: Array, grey: Array) -> None:
    # x runs along a row, so that threads that are neighbours in a warp take neighbours in memory.
    column, row = cuda.grid(2)
    rows, columns = grey.shape
    if row < rows and column < columns:
        red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
        grey[row, column] = RED * red + GREEN * green + BLUE * blue
