"""The level -1 passes a guard that looks at the upper end only."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "outside"


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
        if level < bins:
            cuda.atomic.add(own, level, 1)
    # Nobody may pass a counter on before all have counted.
    cuda.syncthreads()
    for b in range(cuda.threadIdx.x, bins, cuda.blockDim.x):
        cuda.atomic.add(counts, b, own[b])
