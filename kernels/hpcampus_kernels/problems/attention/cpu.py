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
def tiles_of(k: Array) -> Array:
    """The keys, scaled, in tiles: each transposed, to be read in order, and the last one filled up with 0."""
    length = k.shape[0]
    tiles = np.zeros(((length + TILE - 1) // TILE, HEAD, TILE), np.float32)
    for j in range(length):
        for d in range(HEAD):
            tiles[j // TILE, d, j % TILE] = k[j, d] * SCALE
    return tiles


@compiled
def scores_of(q: Array, keys: Array, scores: Array) -> None:
    """Scores of four queries with all keys of a tile."""
    for r in range(ROWS):
        target, row = scores[r], q[r]
        target.fill(0)
        for d in range(0, HEAD, 4):
            q0, q1, q2, q3 = row[d], row[d + 1], row[d + 2], row[d + 3]
            k0, k1, k2, k3 = keys[d], keys[d + 1], keys[d + 2], keys[d + 3]
            for j in range(TILE):
                target[j] += (q0 * k0[j] + q1 * k1[j]) + (q2 * k2[j] + q3 * k3[j])


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
def add_values(shares: Array, v: Array, out: Array) -> None:
    """out += shares v, four values at a time."""
    whole = v.shape[0] // 4 * 4
    for r in range(ROWS):
        target, row = out[r], shares[r]
        for j in range(0, whole, 4):
            p0, p1, p2, p3 = row[j], row[j + 1], row[j + 2], row[j + 3]
            v0, v1, v2, v3 = v[j], v[j + 1], v[j + 2], v[j + 3]
            for d in range(HEAD):
                target[d] += (p0 * v0[d] + p1 * v1[d]) + (p2 * v2[d] + p3 * v3[d])
        for j in range(whole, v.shape[0]):
            for d in range(HEAD):
                target[d] += row[j] * v[j, d]


@compiled
def four_queries(q: Array, tiles: Array, v: Array, out: Array, scores: Array) -> None:
    highest, totals = np.empty(ROWS, np.float32), np.zeros(ROWS, np.float32)
    highest.fill(-np.inf)
    for tile in range(tiles.shape[0]):
        some = v[tile * TILE : (tile + 1) * TILE]
        scores_of(q, tiles[tile], scores)
        for r in range(ROWS):
            top, total = shares_of(scores[r, : some.shape[0]], highest[r])
            shrink = exponential(highest[r] - top)
            totals[r], highest[r] = totals[r] * shrink + total, top
            for d in range(HEAD):
                out[r, d] *= shrink
        add_values(scores, some, out)
    for r in range(ROWS):
        for d in range(HEAD):
            out[r, d] /= totals[r]


@compiled
def attention(q: Array, k: Array, v: Array, out: Array) -> None:
    length, tiles = q.shape[0], tiles_of(k)
    some, answer = np.zeros((ROWS, HEAD), np.float32), np.empty((ROWS, HEAD), np.float32)
    scores = np.empty((ROWS, TILE), np.float32)
    for first in range(0, length, ROWS):
        count = min(ROWS, length - first)
        for r in range(count):
            for d in range(HEAD):
                some[r, d] = q[first + r, d]
        answer.fill(0)
        four_queries(some, tiles, v, answer, scores)
        for r in range(count):
            for d in range(HEAD):
                out[first + r, d] = answer[r, d]
