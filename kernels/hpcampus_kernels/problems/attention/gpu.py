"""Attention on a GPU: a thread for each query, and keys and values tile by tile through shared memory."""

import math

import numpy as np

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.attention import HEAD, SCALE

# Keys and values in shared memory at a time: 8 KiB.
TILE = 32
ZERO, LOWEST = np.float32(0), np.float32(-np.inf)


@cuda.jit(device=True)
def load(k: Array, v: Array, start: int, keys: Array, values: Array) -> None:
    """A tile of keys and values. Neighbours load neighbours, whatever query they are for."""
    for i in range(cuda.threadIdx.x, TILE * HEAD, cuda.blockDim.x):
        j, d = i // HEAD, i % HEAD
        if start + j < k.shape[0]:
            keys[j, d] = k[start + j, d]
            values[j, d] = v[start + j, d]


@cuda.jit
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    keys = cuda.shared.array((TILE, HEAD), np.float32)
    values = cuda.shared.array((TILE, HEAD), np.float32)
    # HEAD is a constant, so the loops over these are unrolled, and both stay in registers.
    query, mean = cuda.local.array(HEAD, np.float32), cuda.local.array(HEAD, np.float32)
    row, length = cuda.grid(1), q.shape[0]
    for d in range(HEAD):
        query[d] = q[row, d] * SCALE if row < length else ZERO
        mean[d] = ZERO
    highest, total = LOWEST, ZERO
    for start in range(0, length, TILE):
        # Threads without a query load for the others, and wait with them.
        load(k, v, start, keys, values)
        cuda.syncthreads()
        # The last tile is rarely full: what lies behind its end is from another tile.
        for j in range(min(TILE, length - start)):
            score = ZERO
            for d in range(HEAD):
                score += query[d] * keys[j, d]
            # When a higher score comes, all that was added so far shrinks to its scale.
            top = max(highest, score)
            shrink, share = math.exp(highest - top), math.exp(score - top)
            total, highest = total * shrink + share, top
            for d in range(HEAD):
                mean[d] = mean[d] * shrink + share * values[j, d]
        # Nobody may load the next tile while others still use this one.
        cuda.syncthreads()
    if row < length:
        for d in range(HEAD):
            out[row, d] = mean[d] / total
