"""A plain number is a float64, and so is all that it meets: half the speed, or a sixty-fourth."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "float64"


@cuda.jit
def grey(rgb: Array, grey: Array) -> None:
    column, row = cuda.grid(2)
    rows, columns = grey.shape
    if row < rows and column < columns:
        red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
        grey[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue
