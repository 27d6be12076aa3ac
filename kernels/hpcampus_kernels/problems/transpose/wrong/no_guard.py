"""The tiles at the right and at the bottom reach over the edge of the matrix."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.transpose import ROWS, TILE

# One column more than needed. Without it, the elements of a column of the tile lie in one bank of shared
# memory, and the threads of a warp get them one after the other.
PADDED = TILE + 1
FINDING = "outside"


@cuda.jit
def transpose(matrix: Array, out: Array) -> None:
    tile = cuda.shared.array((TILE, PADDED), np.float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
    for k in range(y, TILE, ROWS):
        tile[k, x] = matrix[top + k, left + x]
    # What a thread writes below, another one has read above.
    cuda.syncthreads()
    for k in range(y, TILE, ROWS):
        out[left + k, top + x] = tile[x, k]
