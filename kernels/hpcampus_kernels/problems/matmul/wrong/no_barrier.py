"""Without the first barrier, fast threads use tiles that slow ones have not loaded yet."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.matmul import TILE

ZERO = np.float32(0)
FINDING = "race"


@cuda.jit
def matmul(a: Array, b: Array, c: Array) -> None:
    # An element of a tile is read from global memory once and used TILE times.
    tile_a = cuda.shared.array((TILE, TILE), np.float32)
    tile_b = cuda.shared.array((TILE, TILE), np.float32)
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    # A plain 0.0 would make this sum, and all that is added to it, float64.
    total = ZERO
    for start in range(0, inner, TILE):
        # Threads outside of c load as well, for the others. What lies outside of a and b counts as 0.
        tile_a[y, x] = a[row, start + x] if row < rows and start + x < inner else ZERO
        tile_b[y, x] = b[start + y, column] if start + y < inner and column < columns else ZERO
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]
        # Nobody may load the next tiles while others still use these.
        cuda.syncthreads()
    if row < rows and column < columns:
        c[row, column] = total
