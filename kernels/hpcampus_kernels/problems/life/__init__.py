"""A generation of Conway's game of life on a torus: the last row is a neighbour of the first."""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape, blocks_for


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Cells, 0 or 1, of (rows, columns), and an output full of -1."""
    return rng.integers(0, 2, size, dtype=np.int8), np.full(size, -1, np.int8)


def reference(cells: Array, out: Array) -> tuple[Array]:
    """NumPy's answer. With fewer than three rows or columns a neighbour counts more than once."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    around = sum(np.roll(cells, shift, (0, 1)) for shift in shifts)
    return (((around == 3) | ((cells == 1) & (around == 2))).astype(np.int8),)


PROBLEM = Problem(
    module=__name__,
    parameters=("cells", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 9 * size[0] * size[1],
    bytes_moved=lambda size: 2 * size[0] * size[1],
    tolerance=EXACT,
    launch=lambda size: Case(size, (blocks_for(size[1], 64), blocks_for(size[0], 4)), (64, 4)),
    cases=(
        Case((16, 16), (2, 2), (8, 8)),
        Case((10, 30), (4, 2), (8, 8)),
        Case((30, 9), (2, 4), (8, 8)),
        Case((3, 40), (3, 2), (16, 2)),
    ),
    edges=(
        Case((0, 5), (1, 1), (8, 8)),
        Case((1, 9), (2, 1), (8, 8)),
        Case((2, 2), (1, 1), (4, 4)),
        Case((1, 1), (1, 1), (2, 2)),
    ),
)
