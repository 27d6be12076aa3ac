"""The edges keep their temperature, but somebody has to write it."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FOUR = np.float32(4)
FINDING = "unwritten"


@cuda.jit
def heat(u: Array, rate: np.float32, out: Array) -> None:
    column, row = cuda.grid(2)
    rows, columns = u.shape
    if row >= rows or column >= columns:
        return
    if 0 < row < rows - 1 and 0 < column < columns - 1:
        around = u[row - 1, column] + u[row + 1, column] + u[row, column - 1] + u[row, column + 1]
        out[row, column] = u[row, column] + rate * (around - FOUR * u[row, column])
