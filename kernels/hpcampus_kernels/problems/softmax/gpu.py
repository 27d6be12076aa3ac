"""Softmax on a GPU: a block for each row, which is read twice: for highest value and sum, then to write."""

import math
from typing import Any

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, MOST_WARPS, ZERO, block_sum

ONE, LOWEST = np.float32(1), np.float32(-np.inf)


@cuda.jit(device=True)
def block_max(value: Any, highest: Array) -> Any:
    """The highest value of a block, for all its threads; as `block_sum`, with > in place of +."""
    step = cuda.warpsize // 2
    while step > 0:
        value = max(value, cuda.shfl_down_sync(ALL, value, step))
        step //= 2
    cuda.syncthreads()
    if cuda.threadIdx.x % cuda.warpsize == 0:
        highest[cuda.threadIdx.x // cuda.warpsize] = value
    cuda.syncthreads()
    found = highest[0]
    for warp in range(1, cuda.blockDim.x // cuda.warpsize):
        found = max(found, highest[warp])
    return found


@cuda.jit
def softmax(x: Array, out: Array) -> None:
    parts = cuda.shared.array(MOST_WARPS, np.float32)
    rows, columns = x.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        # Highest value and sum in one pass: when a higher value comes, the sum so far shrinks to its scale.
        highest, total = LOWEST, ZERO
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            value = x[row, i]
            if value > highest:
                total = total * math.exp(highest - value) + ONE
                highest = value
            else:
                total += math.exp(value - highest)
        top = block_max(highest, parts)
        # A thread without an element has the sum 0, and exp(-infinity) is 0, too.
        scale = ONE / block_sum(total * math.exp(highest - top), parts)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            out[row, i] = math.exp(x[row, i] - top) * scale
