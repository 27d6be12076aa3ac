"""Python's cells[-1] is the last row; a GPU reads whatever lies in front of the array."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "outside"


@cuda.jit
def life(cells: Array, out: Array) -> None:
    column, row = cuda.grid(2)
    rows, columns = cells.shape
    if row >= rows or column >= columns:
        return
    up, down = row - 1, row + 1 if row + 1 < rows else 0
    left, right = column - 1, column + 1 if column + 1 < columns else 0
    around = cells[up, left] + cells[up, column] + cells[up, right]
    around += cells[row, left] + cells[row, right]
    around += cells[down, left] + cells[down, column] + cells[down, right]
    lives = around == 3 or (around == 2 and cells[row, column] == 1)
    out[row, column] = 1 if lives else 0
