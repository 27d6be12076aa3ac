"""Weigh each pixel and its neighbours, 7 x 7 of them; what lies outside of the image counts as 0."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

RADIUS = 3
WIDTH = 2 * RADIUS + 1
# A block has COLUMNS x ROWS threads, one for each pixel of its part of the image.
COLUMNS, ROWS = 32, 8


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """An image of (rows, columns) with values in [0, 1), weights with the sum 1, and an output of NaN."""
    weights = rng.random((WIDTH, WIDTH), dtype=np.float32)
    image = rng.random(size, dtype=np.float32)
    return image, weights / weights.sum(), np.full(size, np.nan, np.float32)


def reference(image: Array, weights: Array, out: Array) -> tuple[Array]:
    """NumPy's answer: what SciPy calls correlate, with zeros around."""
    (rows, columns), padded = image.shape, np.pad(image, RADIUS)
    shifts = [(i, j) for i in range(WIDTH) for j in range(WIDTH)]
    answer = sum(weights[i, j] * padded[i : i + rows, j : j + columns] for i, j in shifts)
    return (np.asarray(answer),)


def launch(size: Shape) -> Case:
    """A thread for each pixel."""
    rows, columns = size
    return Case(size, (blocks_for(columns, COLUMNS), blocks_for(rows, ROWS)), (COLUMNS, ROWS))


PROBLEM = Problem(
    module=__name__,
    parameters=("image", "weights", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 2 * WIDTH * WIDTH * size[0] * size[1],
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1] + 4 * WIDTH * WIDTH,
    tolerance=Tolerance(0.0, 2e-6, "49 roundings of float32 (6e-8 each) on values below 1"),
    launch=launch,
    cases=tuple(map(launch, ((8, 32), (10, 35), (3, 40), (20, 5)))),
    edges=tuple(map(launch, ((1, 1), (1, 33), (0, 4)))),
    equivalent={
        "convolution: for j in range(x, TILE_COLUMNS, COLUMNS): "
        "-> for j in range(x, TILE_COLUMNS, cuda.blockDim.x):": "blocks have as many columns in every launch",
    },
)
