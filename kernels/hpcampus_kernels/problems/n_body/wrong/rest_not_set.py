"""Behind the end of the last tile lies whatever was there, and it pulls."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.n_body import SOFTENING

TILE = 64
ZERO = np.float32(0)
FINDING = "uninitialised"


@cuda.jit
def n_body(bodies: Array, pull: Array) -> None:
    tile = cuda.shared.array((4, TILE), np.float32)
    i, count = cuda.grid(1), bodies.shape[1]
    x, y, z = ZERO, ZERO, ZERO
    if i < count:
        x, y, z = bodies[0, i], bodies[1, i], bodies[2, i]
    ax, ay, az = ZERO, ZERO, ZERO
    for start in range(0, count, TILE):
        for j in range(cuda.threadIdx.x, TILE, cuda.blockDim.x):
            for row in range(4):
                if start + j < count:
                    tile[row, j] = bodies[row, start + j]
        cuda.syncthreads()
        for j in range(TILE):
            dx, dy, dz = tile[0, j] - x, tile[1, j] - y, tile[2, j] - z
            squared = dx * dx + dy * dy + dz * dz + SOFTENING
            weight = tile[3, j] / (squared * math.sqrt(squared))
            ax += dx * weight
            ay += dy * weight
            az += dz * weight
        cuda.syncthreads()
    if i < count:
        pull[0, i], pull[1, i], pull[2, i] = ax, ay, az
