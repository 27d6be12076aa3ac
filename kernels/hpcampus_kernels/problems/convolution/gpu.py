"""A convolution on a GPU: a block loads its part of the image with a rim of RADIUS pixels around it."""

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.convolution import COLUMNS, RADIUS, ROWS, WIDTH

TILE_ROWS, TILE_COLUMNS = ROWS + 2 * RADIUS, COLUMNS + 2 * RADIUS
ZERO = np.float32(0)


@cuda.jit
def convolution(image: Array, weights: Array, out: Array) -> None:
    tile = cuda.shared.array((TILE_ROWS, TILE_COLUMNS), np.float32)
    rows, columns = image.shape
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    # The tile has more elements than the block has threads: some load two or more.
    for i in range(y, TILE_ROWS, ROWS):
        for j in range(x, TILE_COLUMNS, COLUMNS):
            r, c = row - y + i - RADIUS, column - x + j - RADIUS
            # Both ends: a GPU doesn't mind a negative index, and reads what lies in front.
            inside = 0 <= r < rows and 0 <= c < columns
            tile[i, j] = image[r, c] if inside else ZERO
    cuda.syncthreads()
    if row < rows and column < columns:
        total = ZERO
        for i in range(WIDTH):
            for j in range(WIDTH):
                # All threads read the same weight at once: that is one access for the whole warp.
                total += weights[i, j] * tile[y + i, x + j]
        out[row, column] = total
