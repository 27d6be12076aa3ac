"""Attention on one core: four queries at a time, so that each key and value is used four times."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.attention import HEAD, SCALE
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.exponential import exponential

ROWS = 4
# Keys whose scores stay in the first cache, for four queries.
TILE = 512


@compiled
def scores_of(q: Array, keys: Array, first: int, scores: Array) -> None:
    """Scores of four queries with all keys of a tile; `keys` is transposed, to be read in order."""
    for r in range(ROWS):
        target, row = scores[r], q[r]
        for d in range(0, HEAD, 4):
            q0, q1, q2, q3 = row[d], row[d + 1], row[d + 2], row[d + 3]
            k0, k1, k2, k3 = keys[d], keys[d + 1], keys[d + 2], keys[d + 3]
            for j in range(target.size):
                i = first + j
                target[j] += (q0 * k0[i] + q1 * k1[i]) + (q2 * k2[i] + q3 * k3[i])


@compiled
def shares_of(scores: Array, highest: np.float32) -> tuple[np.float32, np.float32]:
    """The scores become shares, in place; their highest so far, and the sum of the shares."""
    top, total = highest, np.float32(0)
    for j in range(scores.size):
        top = max(top, scores[j])
    for j in range(scores.size):
        scores[j] = exponential(scores[j] - top)
        total += scores[j]
    return top, total


@compiled
def add_values(shares: Array, v: Array, first: int, out: Array) -> None:
    """out += shares v, four values at a time."""
    count = shares.shape[1]
    for r in range(ROWS):
        target, row = out[r], shares[r]
        j = 0
        while j + 4 <= count:
            p0, p1, p2, p3 = row[j], row[j + 1], row[j + 2], row[j + 3]
            v0, v1, v2, v3 = v[first + j], v[first + j + 1], v[first + j + 2], v[first + j + 3]
            for d in range(HEAD):
                target[d] += (p0 * v0[d] + p1 * v1[d]) + (p2 * v2[d] + p3 * v3[d])
            j += 4
        for rest in range(j, count):
            for d in range(HEAD):
                target[d] += row[rest] * v[first + rest, d]


@compiled
def four_queries(q: Array, keys: Array, v: Array, out: Array, buffer: Array) -> None:
    length = v.shape[0]
    highest, totals = np.full(ROWS, -np.inf, np.float32), np.zeros(ROWS, np.float32)
    for first in range(0, length, TILE):
        scores = buffer[:, : min(TILE, length - first)]
        scores[:] = 0
        scores_of(q, keys, first, scores)
        for r in range(ROWS):
            top, total = shares_of(scores[r], highest[r])
            shrink = exponential(highest[r] - top)
            totals[r], highest[r] = totals[r] * shrink + total, top
            for d in range(HEAD):
                out[r, d] *= shrink
        add_values(scores, v, first, out)
    for r in range(ROWS):
        for d in range(HEAD):
            out[r, d] /= totals[r]


@compiled
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    length = q.shape[0]
    keys = (k * SCALE).T.copy()
    some, answer = np.zeros((ROWS, HEAD), np.float32), np.empty((ROWS, HEAD), np.float32)
    buffer = np.empty((ROWS, min(TILE, length)), np.float32)
    for first in range(0, length, ROWS):
        count = min(ROWS, length - first)
        some[:count] = q[first : first + count]
        answer[:] = 0
        four_queries(some, keys, v, answer, buffer)
        out[first : first + count] = answer[:count]
