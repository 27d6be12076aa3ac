"""A sum on a GPU. `warp_sum` and `block_sum` are used by other problems, too.

Blocks must be whole warps: a lane that isn't there has nothing to give.
"""

from typing import Any

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

# The mask of all lanes, however many a warp has: 32, or 64 on most of AMD's GPUs.
ALL = -1
# A block has at most 1024 threads, and a warp at least 32.
MOST_WARPS = 32
ZERO = np.float32(0)


@cuda.jit(device=True)
def warp_sum(value: Any) -> Any:
    """The sum over a warp, for its lane 0. Lanes hand values over directly: no memory, no barrier."""
    step = cuda.warpsize // 2
    while step > 0:
        value += cuda.shfl_down_sync(ALL, value, step)
        step //= 2
    return value


@cuda.jit(device=True)
def block_sum(value: Any, sums: Array) -> Any:
    """The sum over a block, for all its threads; `sums` is shared, with a place for each of MOST_WARPS."""
    value = warp_sum(value)
    # Whoever comes here a second time must not overwrite what others still read from the first.
    cuda.syncthreads()
    if cuda.threadIdx.x % cuda.warpsize == 0:
        sums[cuda.threadIdx.x // cuda.warpsize] = value
    cuda.syncthreads()
    total = sums[0]
    for warp in range(1, cuda.blockDim.x // cuda.warpsize):
        total += sums[warp]
    return total


@cuda.jit
def reduction(x: Array, total: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    # A thread adds up as much as it can by itself: that is the only part that costs nothing.
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    whole = block_sum(own, sums)
    # One atomic operation for each block, not one for each element.
    if cuda.threadIdx.x == 0:
        cuda.atomic.add(total, 0, whole)
