"""The threads beside and below the picture write outside of it."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.mandelbrot import FOUR, MOST_STEPS, TWO

FINDING = "outside"


@cuda.jit
def mandelbrot(left: np.float32, top: np.float32, step: np.float32, steps: Array) -> None:
    column, row = cuda.grid(2)
    x0, y0 = left + np.float32(column) * step, top + np.float32(row) * step
    x, y, count = x0, y0, 0
    while count < MOST_STEPS and x * x + y * y <= FOUR:
        x, y = x * x - y * y + x0, TWO * x * y + y0
        count += 1
    steps[row, column] = count
