"""Darts on a GPU."""

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems import monte_carlo_pi as problem
from hpcampus_kernels.problems.monte_carlo_pi import BITS, LOW, SQUARE
from hpcampus_kernels.problems.reduction.gpu import MOST_WARPS, block_sum

mix = cuda.jit(device=True)(problem.mix)


@cuda.jit
def monte_carlo_pi(seed: int, darts: int, hits: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.int32)
    own = 0
    # The dart's number, not the thread's, goes into the generator: no two throws are the same.
    for i in range(cuda.grid(1), darts, cuda.gridsize(1)):
        place = mix(i ^ seed)
        x, y = place & LOW, place >> BITS
        # Whole numbers: there is no rounding that could differ from one device to another.
        if x * x + y * y < SQUARE:
            own += 1
    # Counted by thread, then by block: an atomic operation for each hit would make all wait in one row.
    whole = block_sum(own, sums)
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(hits, 0, whole)
