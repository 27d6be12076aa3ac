"""Each thread loads its own pixel, and nobody loads the rim."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.convolution import COLUMNS, RADIUS, ROWS, WIDTH

TILE_ROWS, TILE_COLUMNS = ROWS + 2 * RADIUS, COLUMNS + 2 * RADIUS
ZERO = np.float32(0)
FINDING = "uninitialised"


@cuda.jit
def convolution(image: Array, weights: Array, out: Array) -> None:
    tile = cuda.shared.array((TILE_ROWS, TILE_COLUMNS), np.float32)
    rows, columns = image.shape
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    inside = row < rows and column < columns
    tile[y + RADIUS, x + RADIUS] = image[row, column] if inside else ZERO
    cuda.syncthreads()
    if row < rows and column < columns:
        total = ZERO
        for i in range(WIDTH):
            for j in range(WIDTH):
                # All threads read the same weight at once: that is one access for the whole warp.
                total += weights[i, j] * tile[y + i, x + j]
        out[row, column] = total
