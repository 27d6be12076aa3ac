"""A column of a tile that is 32 wide lies in one bank: 32 threads wait for each other."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.transpose import ROWS, TILE

FINDING = "bank conflict"


@cuda.jit
def transpose(matrix: Array, out: Array) -> None:
    tile = cuda.shared.array((TILE, TILE), np.float32)
    rows, columns = matrix.shape
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
    for k in range(y, TILE, ROWS):
        if top + k < rows and left + x < columns:
            tile[k, x] = matrix[top + k, left + x]
    # What a thread writes below, another one has read above.
    cuda.syncthreads()
    for k in range(y, TILE, ROWS):
        if left + k < columns and top + x < rows:
            out[left + k, top + x] = tile[x, k]
