"""A step of k-means on one core: distances for a tile of points at a time, in vectors."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.k_means import DIMENSIONS

TILE = 256


@compiled
def distances(points: Array, centre: Array, first: int, squares: Array) -> None:
    p0, p1, p2, p3, p4, p5, p6, p7 = (
        points[0],
        points[1],
        points[2],
        points[3],
        points[4],
        points[5],
        points[6],
        points[7],
    )
    c0, c1, c2, c3, c4, c5, c6, c7 = (
        centre[0],
        centre[1],
        centre[2],
        centre[3],
        centre[4],
        centre[5],
        centre[6],
        centre[7],
    )
    for j in range(squares.size):
        i = first + j
        near = (p0[i] - c0) ** 2 + (p1[i] - c1) ** 2 + (p2[i] - c2) ** 2 + (p3[i] - c3) ** 2
        squares[j] = near + ((p4[i] - c4) ** 2 + (p5[i] - c5) ** 2 + (p6[i] - c6) ** 2 + (p7[i] - c7) ** 2)


@compiled
def nearest(points: Array, centres: Array, first: int, labels: Array, buffers: Array) -> None:
    squares, best = buffers[0, : labels.size], buffers[1, : labels.size]
    best[:] = np.inf
    for c in range(centres.shape[0]):
        distances(points, centres[c], first, squares)
        for j in range(labels.size):
            nearer = squares[j] < best[j]
            labels[j] = np.int32(c) if nearer else labels[j]
            best[j] = squares[j] if nearer else best[j]


@compiled
def k_means(points: Array, centres: Array, labels: Array, sums: Array, counts: Array) -> None:
    n = labels.size
    buffers = np.empty((2, TILE), np.float32)
    for first in range(0, n, TILE):
        last = min(first + TILE, n)
        nearest(points, centres, first, labels[first:last], buffers)
        for i in range(first, last):
            counts[labels[i]] += 1
            for d in range(DIMENSIONS):
                sums[labels[i] * DIMENSIONS + d] += points[d, i]
