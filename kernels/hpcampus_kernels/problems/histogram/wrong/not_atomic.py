"""Two threads that add to one counter at once both read the old count: one addition is lost."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "race"


@cuda.jit
def histogram(levels: Array, counts: Array) -> None:
    # Shared memory is near, and its counters are this block's: far fewer threads meet there. How many
    # counters there are is known at the launch only: size 0 says so.
    own = cuda.shared.array(0, np.int32)
    bins = counts.size
    for b in range(cuda.threadIdx.x, bins, cuda.blockDim.x):
        own[b] = 0
    # Nobody may count before all counters are 0.
    cuda.syncthreads()
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        level = levels[i]
        # A GPU takes own[-1] for whatever lies in front: -1 must be kept out, too.
        if 0 <= level < bins:
            own[level] += 1
    # Nobody may pass a counter on before all have counted.
    cuda.syncthreads()
    for b in range(cuda.threadIdx.x, bins, cuda.blockDim.x):
        cuda.atomic.add(counts, b, own[b])
