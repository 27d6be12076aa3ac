"""Each thread starts its generator anew, so that all of them throw the same darts."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.monte_carlo_pi import BITS, LOW, SQUARE
from hpcampus_kernels.problems.monte_carlo_pi.gpu import mix
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, block_sum

FINDING = "values"


@cuda.jit
def monte_carlo_pi(seed: int, darts: int, hits: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.int32)
    own = 0
    for i in range(cuda.grid(1), darts, cuda.gridsize(1)):
        throw = i // cuda.gridsize(1)
        place = mix(throw ^ seed)
        x, y = place & LOW, place >> BITS
        if x * x + y * y < SQUARE:
            own += 1
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(hits, 0, whole)
