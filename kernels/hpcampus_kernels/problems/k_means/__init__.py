"""A step of k-means: find the nearest centre of each point, and add up the points of each centre."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

DIMENSIONS = 8
# Shared memory has room for the sums of so many centres.
MOST_CENTRES = 32
MOST_BLOCKS = 1024


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Points (DIMENSIONS, n) and centres (k, DIMENSIONS) for a size of (n, k), labels of -1, and sums of 0.

    There is at least one centre. `sums` has the dimensions of the first one, then those of the second.
    Coordinates are small whole numbers, so that distances and sums are exact in any order; the last centre
    lies where the first does.
    """
    n, k = size
    points = rng.integers(-8, 9, (DIMENSIONS, n)).astype(np.float32)
    centres = rng.integers(-8, 9, (k, DIMENSIONS)).astype(np.float32)
    centres[-1] = centres[0]
    labels, sums = np.full(n, -1, np.int32), np.zeros(k * DIMENSIONS, np.float32)
    return points, centres, labels, sums, np.zeros(k, np.int32)


def reference(
    points: Array, centres: Array, labels: Array, sums: Array, counts: Array
) -> tuple[Array, Array, Array]:
    """NumPy's answer; of centres that are as near, the first."""
    squares = (points**2).sum(axis=0)[:, None] - 2 * points.T @ centres.T + (centres**2).sum(axis=1)
    nearest = squares.argmin(axis=1).astype(np.int32)
    added = np.zeros_like(centres)
    np.add.at(added, nearest, points.T)
    return nearest, added.ravel(), np.bincount(nearest, minlength=len(centres)).astype(np.int32)


PROBLEM = Problem(
    module=__name__,
    parameters=("points", "centres", "labels", "sums", "counts"),
    outputs=("labels", "sums", "counts"),
    writes="shared",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 3 * size[0] * size[1] * DIMENSIONS,
    bytes_moved=lambda size: 4 * size[0] * DIMENSIONS + 4 * size[0],
    tolerance=Tolerance(0.0, 0.0, "whole numbers below 2^24 are exact in float32, and so are their sums"),
    launch=lambda size: Case(size, (min(blocks_for(size[0], 256), MOST_BLOCKS),), (256,)),
    cases=(
        Case((64, 4), (2,), (32,)),
        Case((150, 5), (2,), (64,)),
        Case((50, 3), (3,), (32,)),
        Case((100, 16), (1,), (64,)),
    ),
    edges=(Case((0, 3), (1,), (32,)), Case((1, 1), (2,), (32,)), Case((5, 2), (3,), (32,))),
    equivalent={
        "k_means: ZERO is a float32 -> ZERO is a float64": (
            "the compiler makes a float32 of it: no instruction is in float64"
        ),
    },
)
