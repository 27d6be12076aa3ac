"""Each thread throws one dart: what the grid doesn't reach is left out."""

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
    i = cuda.grid(1)
    if i < darts:
        place = mix(i ^ seed)
        x, y = place & LOW, place >> BITS
        if x * x + y * y < SQUARE:
            own += 1
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(hits, 0, whole)
