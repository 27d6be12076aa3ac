"""All scores of a query are kept: that many don't fit into registers, and go to memory and back."""

import math

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.attention import HEAD, SCALE
from hpcampus_kernels.problems.attention.gpu import LOWEST, ZERO

FINDING = "local memory"
MOST_KEYS = 2048


@cuda.jit
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    scores = cuda.local.array(MOST_KEYS, np.float32)
    row, length = cuda.grid(1), q.shape[0]
    if row >= length:
        return
    highest, total = LOWEST, ZERO
    for j in range(length):
        score = ZERO
        for d in range(HEAD):
            score += q[row, d] * SCALE * k[j, d]
        scores[j] = score
        highest = max(highest, score)
    for j in range(length):
        scores[j] = math.exp(scores[j] - highest)
        total += scores[j]
    for d in range(HEAD):
        mean = ZERO
        for j in range(length):
            mean += scores[j] * v[j, d]
        out[row, d] = mean / total
