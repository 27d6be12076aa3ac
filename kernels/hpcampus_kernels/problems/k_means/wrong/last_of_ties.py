"""Of centres that are as near, `<=` takes the last one."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.k_means import DIMENSIONS, MOST_CENTRES

PLACES = MOST_CENTRES * DIMENSIONS
ZERO, FARTHEST = np.float32(0), np.float32(np.inf)
FINDING = "values"


@cuda.jit(device=True)
def nearest(points: Array, i: int, centres: Array) -> int:
    best, label = FARTHEST, 0
    for c in range(centres.shape[0]):
        square = ZERO
        for d in range(DIMENSIONS):
            apart = points[d, i] - centres[c, d]
            square += apart * apart
        if square <= best:
            best, label = square, c
    return label


@cuda.jit
def k_means(points: Array, centres: Array, labels: Array, sums: Array, counts: Array) -> None:
    own_sums = cuda.shared.array(PLACES, np.float32)
    own_counts = cuda.shared.array(MOST_CENTRES, np.int32)
    t = cuda.threadIdx.x
    for place in range(t, sums.size, cuda.blockDim.x):
        own_sums[place] = ZERO
    for c in range(t, counts.size, cuda.blockDim.x):
        own_counts[c] = 0
    cuda.syncthreads()
    for i in range(cuda.grid(1), labels.size, cuda.gridsize(1)):
        label = nearest(points, i, centres)
        labels[i] = label
        cuda.atomic.add(own_counts, label, 1)
        for d in range(DIMENSIONS):
            cuda.atomic.add(own_sums, label * DIMENSIONS + d, points[d, i])
    cuda.syncthreads()
    for place in range(t, sums.size, cuda.blockDim.x):
        cuda.atomic.add(sums, place, own_sums[place])
    for c in range(t, counts.size, cuda.blockDim.x):
        cuda.atomic.add(counts, c, own_counts[c])
