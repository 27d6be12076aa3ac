"""Written straight from where it was read, the elements of a warp go to 32 rows: 32 sectors, not 4."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.transpose import ROWS, TILE

FINDING = "coalescing"


@cuda.jit
def transpose(matrix: Array, out: Array) -> None:
    rows, columns = matrix.shape
    column = cuda.grid(2)[0]
    top = cuda.blockIdx.y * TILE
    for row in range(top + cuda.threadIdx.y, min(top + TILE, rows), ROWS):
        if column < columns:
            out[column, row] = matrix[row, column]
