"""The shared counter of the block starts with whatever the last block left there, not with 0."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.monte_carlo_pi import BITS, LOW, SQUARE
from hpcampus_kernels.problems.monte_carlo_pi.gpu import mix

FINDING = "uninitialised"


@cuda.jit
def monte_carlo_pi(seed: int, darts: int, hits: Array) -> None:
    own = cuda.shared.array(1, np.int32)
    for i in range(cuda.grid(1), darts, cuda.gridsize(1)):
        place = mix(i ^ seed)
        x, y = place & LOW, place >> BITS
        if x * x + y * y < SQUARE:
            cuda.atomic.add(own, 0, 1)
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(hits, 0, own[0])
