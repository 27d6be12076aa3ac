"""Each block adds its hits in three steps, and another block may come in between."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.monte_carlo_pi import BITS, LOW, SQUARE
from hpcampus_kernels.problems.monte_carlo_pi.gpu import mix
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, block_sum

FINDING = "race"


@cuda.jit
def monte_carlo_pi(seed: int, darts: int, hits: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.int32)
    own = 0
    for i in range(cuda.grid(1), darts, cuda.gridsize(1)):
        place = mix(i ^ seed)
        x, y = place & LOW, place >> BITS
        if x * x + y * y < SQUARE:
            own += 1
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        hits[0] += whole
