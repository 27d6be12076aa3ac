"""With x down a column, the threads of a warp read pixels that lie a whole row apart."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.grey import BLUE, GREEN, RED

FINDING = "coalescing"


@cuda.jit
def grey(rgb: Array, grey: Array) -> None:
    row, column = cuda.grid(2)
    rows, columns = grey.shape
    if row < rows and column < columns:
        red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]
        grey[row, column] = RED * red + GREEN * green + BLUE * blue
