"""The Mandelbrot set on a GPU: a thread for each pixel."""

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.mandelbrot import FOUR, MOST_STEPS, TWO


@cuda.jit
def mandelbrot(left: np.float32, top: np.float32, step: np.float32, steps: Array) -> None:
    column, row = cuda.grid(2)
    rows, columns = steps.shape
    if row >= rows or column >= columns:
        return
    # An integer times a float32 is a float64, and so would be all that follows.
    x0, y0 = left + np.float32(column) * step, top + np.float32(row) * step
    x, y, count = x0, y0, 0
    # Threads of a warp that are done wait for the others. So blocks are compact: pixels that lie close
    # together mostly take about as many steps.
    while count < MOST_STEPS and x * x + y * y <= FOUR:
        x, y = x * x - y * y + x0, TWO * x * y + y0
        count += 1
    steps[row, column] = count
