"""The last tile is taken for full: what lies behind its end was never loaded, or is from another tile."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.attention import HEAD, SCALE
from hpcampus_kernels.problems.attention.gpu import LOWEST, TILE, ZERO, load

FINDING = "uninitialised"


@cuda.jit
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    keys = cuda.shared.array((TILE, HEAD), np.float32)
    values = cuda.shared.array((TILE, HEAD), np.float32)
    query, mean = cuda.local.array(HEAD, np.float32), cuda.local.array(HEAD, np.float32)
    row, length = cuda.grid(1), q.shape[0]
    for d in range(HEAD):
        query[d] = q[row, d] * SCALE if row < length else ZERO
        mean[d] = ZERO
    highest, total = LOWEST, ZERO
    for start in range(0, length, TILE):
        load(k, v, start, keys, values)
        cuda.syncthreads()
        for j in range(TILE):
            score = ZERO
            for d in range(HEAD):
                score += query[d] * keys[j, d]
            top = max(highest, score)
            shrink, share = math.exp(highest - top), math.exp(score - top)
            total, highest = total * shrink + share, top
            for d in range(HEAD):
                mean[d] = mean[d] * shrink + share * values[j, d]
        cuda.syncthreads()
    if row < length:
        for d in range(HEAD):
            out[row, d] = mean[d] / total
