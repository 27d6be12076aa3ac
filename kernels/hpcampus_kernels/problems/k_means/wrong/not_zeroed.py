"""Shared memory starts with whatever the last block left there, not with 0."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.k_means import DIMENSIONS, MOST_CENTRES
from hpcampus_kernels.problems.k_means.gpu import PLACES, nearest

FINDING = "uninitialised"


@cuda.jit
def k_means(points: Array, centres: Array, labels: Array, sums: Array, counts: Array) -> None:
    own_sums = cuda.shared.array(PLACES, np.float32)
    own_counts = cuda.shared.array(MOST_CENTRES, np.int32)
    t = cuda.threadIdx.x
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
