"""Rows become columns: no arithmetic at all, and still hard, because only one side can be read in order."""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape, blocks_for

# A block moves a tile of TILE x TILE elements with TILE x ROWS threads.
TILE, ROWS = 32, 8


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """A matrix of (rows, columns), and an output full of NaN."""
    return rng.random(size, dtype=np.float32), np.full(size[::-1], np.nan, np.float32)


def reference(matrix: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (matrix.T,)


def launch(size: Shape) -> Case:
    """A block for each tile."""
    rows, columns = size
    return Case(size, (blocks_for(columns, TILE), blocks_for(rows, TILE)), (TILE, ROWS))


PROBLEM = Problem(
    module=__name__,
    parameters=("matrix", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 0,
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1],
    tolerance=EXACT,
    launch=launch,
    cases=tuple(map(launch, ((32, 32), (33, 40), (40, 7), (5, 70)))),
    edges=tuple(map(launch, ((0, 4), (1, 1), (1, 50)))),
)
