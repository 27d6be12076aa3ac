"""Running totals on a GPU: a block for each row. `block_scan` is used by other problems, too."""

from typing import Any

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, MOST_WARPS, ZERO


@cuda.jit(device=True)
def warp_scan(value: Any) -> Any:
    """The sum over this lane and those below it, in log2(lanes) steps."""
    lane, step = cuda.threadIdx.x % cuda.warpsize, 1
    while step < cuda.warpsize:
        # All lanes take part in handing over, also those that add nothing.
        below = cuda.shfl_up_sync(ALL, value, step)
        if lane >= step:
            value += below
        step *= 2
    return value


@cuda.jit(device=True)
def block_scan(value: Any, sums: Array) -> Any:
    """The sum over this thread and those before it in the block, and the sum over the block.

    `sums` is shared, with a place for each of MOST_WARPS; blocks are whole warps.
    """
    value = warp_scan(value)
    warp = cuda.threadIdx.x // cuda.warpsize
    # Whoever comes here a second time must not overwrite what others still read from the first.
    cuda.syncthreads()
    if cuda.threadIdx.x % cuda.warpsize == cuda.warpsize - 1:
        sums[warp] = value
    cuda.syncthreads()
    total = sums[0]
    for other in range(1, cuda.blockDim.x // cuda.warpsize):
        total += sums[other]
    for other in range(warp):
        value += sums[other]
    return value, total


@cuda.jit
def scan(x: Array, out: Array) -> None:
    sums = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        carry = ZERO
        for start in range(0, columns, cuda.blockDim.x):
            i = start + cuda.threadIdx.x
            # Behind the end of the row threads add 0. They must stay: block_scan has barriers.
            value, total = block_scan(x[row, i] if i < columns else ZERO, sums)
            if i < columns:
                out[row, i] = carry + value
            carry += total
