"""The new cell goes where neighbours still look for the old one."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "race"


@cuda.jit
def life(cells: Array, out: Array) -> None:
    column, row = cuda.grid(2)
    rows, columns = cells.shape
    if row >= rows or column >= columns:
        return
    up, down = row - 1 if row > 0 else rows - 1, row + 1 if row + 1 < rows else 0
    left, right = column - 1 if column > 0 else columns - 1, column + 1 if column + 1 < columns else 0
    around = cells[up, left] + cells[up, column] + cells[up, right]
    around += cells[row, left] + cells[row, right]
    around += cells[down, left] + cells[down, column] + cells[down, right]
    lives = around == 3 or (around == 2 and cells[row, column] == 1)
    cells[row, column] = 1 if lives else 0
    out[row, column] = cells[row, column]
