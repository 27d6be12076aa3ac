"""The threads beside and below the image work outside of it."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED

FINDING = "outside"


@cuda.jit
def grey(rgb: Array, grey: Array) -> None:
    column, row = cuda.grid(2)
    red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
    grey[row, column] = RED * red + GREEN * green + BLUE * blue
