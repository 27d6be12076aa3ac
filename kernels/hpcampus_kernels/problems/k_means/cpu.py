"""A step of k-means on one core: distances for a tile of points at a time, in vectors."""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.k_means import DIMENSIONS

TILE = 256


@compiled
def nearer(tile: Array, centre: Array, label: np.int32, best: Array, labels: Array) -> None:
    """Keep the centre for those points of a tile that have found none as near."""
    for j in range(best.size):
        square = np.float32(0)
        for d in range(DIMENSIONS):
            apart = tile[d, j] - centre[d]
            square += apart * apart
        closer = square < best[j]
        labels[j] = label if closer else labels[j]
        best[j] = square if closer else best[j]


@compiled
def k_means(points: Array, centres: Array, labels: Array, sums: Array, counts: Array) -> None:
    tile, best, found = (
        np.empty((DIMENSIONS, TILE), np.float32),
        np.empty(TILE, np.float32),
        np.empty(TILE, np.int32),
    )
    for first in range(0, labels.size, TILE):
        size = min(TILE, labels.size - first)
        # One block of memory, of a width that is known: the loops over it need no other instructions.
        for d in range(DIMENSIONS):
            for j in range(size):
                tile[d, j] = points[d, first + j]
        best.fill(np.inf)
        for c in range(centres.shape[0]):
            nearer(tile, centres[c], np.int32(c), best, found)
        for i in range(size):
            label = np.uint32(found[i])
            labels[first + i] = label
            counts[label] += 1
            for d in range(DIMENSIONS):
                sums[label * np.uint32(DIMENSIONS) + np.uint32(d)] += tile[d, i]
