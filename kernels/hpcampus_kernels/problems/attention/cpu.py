"""Attention on one core: four queries at a time, so that each key and value is used four times."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.attention import HEAD, SCALE
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.elementary import exponential
from hpcampus_kernels.problems.tiles import ROWS, product

# Keys and values of a tile, 64 KiB, stay in the second cache, and their scores for four queries in the first.
TILE = 256

add_scores, add_values = product(TILE), product(HEAD)


@compiled
def tiles_of(k: Array, v: Array) -> tuple[Array, Array]:
    """Keys, scaled and transposed, and values, in tiles that are filled up with 0."""
    length = k.shape[0]
    count = (length + TILE - 1) // TILE
    keys, values = np.zeros((count, HEAD, TILE), np.float32), np.zeros((count, TILE, HEAD), np.float32)
    for j in range(length):
        for d in range(HEAD):
            keys[j // TILE, d, j % TILE] = k[j, d] * SCALE
            values[j // TILE, j % TILE, d] = v[j, d]
    return keys, values


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
def four_queries(q: Array, keys: Array, values: Array, length: int, out: Array) -> None:
    scores = np.empty((ROWS, TILE), np.float32)
    highest, totals = np.empty(ROWS, np.float32), np.zeros(ROWS, np.float32)
    highest.fill(-np.inf)
    for tile in range(keys.shape[0]):
        scores[:] = 0
        add_scores(q, keys[tile].reshape(-1), scores.reshape(-1))
        count = min(TILE, length - tile * TILE)
        for r in range(ROWS):
            top, total = shares_of(scores[r, :count], highest[r])
            scores[r, count:] = 0
            shrink = exponential(highest[r] - top)
            totals[r], highest[r] = totals[r] * shrink + total, top
            for d in range(HEAD):
                out[r, d] *= shrink
        add_values(scores, values[tile].reshape(-1), out.reshape(-1))
    for r in range(ROWS):
        for d in range(HEAD):
            out[r, d] /= totals[r]


@compiled
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    length = q.shape[0]
    keys, values = tiles_of(k, v)
    some, answer = np.zeros((ROWS, HEAD), np.float32), np.empty((ROWS, HEAD), np.float32)
    for first in range(0, length, ROWS):
        count = min(ROWS, length - first)
        some[:count] = q[first : first + count]
        answer.fill(0)
        four_queries(some, keys, values, length, answer)
        out[first : first + count] = answer[:count]
