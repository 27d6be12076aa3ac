"""All pairs on a GPU: a thread for each body, and the others tile by tile through shared memory."""

import math

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.n_body import SOFTENING

TILE = 64
ZERO = np.float32(0)


@cuda.jit
def n_body(bodies: Array, pull: Array) -> None:
    tile = cuda.shared.array((4, TILE), np.float32)
    i, count = cuda.grid(1), bodies.shape[1]
    # Threads without a body are needed for loading, and at the barriers.
    x, y, z = ZERO, ZERO, ZERO
    if i < count:
        x, y, z = bodies[0, i], bodies[1, i], bodies[2, i]
    ax, ay, az = ZERO, ZERO, ZERO
    for start in range(0, count, TILE):
        for j in range(cuda.threadIdx.x, TILE, cuda.blockDim.x):
            for row in range(4):
                # Behind the end lie bodies without mass, which pull nobody.
                tile[row, j] = bodies[row, start + j] if start + j < count else ZERO
        cuda.syncthreads()
        for j in range(TILE):
            # All threads read the same body at once: shared memory gives it to all in one go.
            dx, dy, dz = tile[0, j] - x, tile[1, j] - y, tile[2, j] - z
            squared = dx * dx + dy * dy + dz * dz + SOFTENING
            # A power of -1.5 would be a float64, and slow. No `if` for the own body: it is 0 away.
            weight = tile[3, j] / (squared * math.sqrt(squared))
            ax += dx * weight
            ay += dy * weight
            az += dz * weight
        # Nobody may load the next tile while others still use this one.
        cuda.syncthreads()
    if i < count:
        pull[0, i], pull[1, i], pull[2, i] = ax, ay, az
