"""Multiply two matrices, tile by tile: what a block reads once, all its threads use."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

# A block has TILE x TILE threads, one for each element of a tile of c.
TILE = 16


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """a of (rows, inner) and b of (inner, columns) for a size of (rows, inner, columns); c is full of NaN."""
    rows, inner, columns = size
    a, b = rng.random((rows, inner), dtype=np.float32), rng.random((inner, columns), dtype=np.float32)
    return a, b, np.full((rows, columns), np.nan, np.float32)


def reference(a: Array, b: Array, c: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (a @ b,)


def launch(size: Shape) -> Case:
    """A block for each tile of c."""
    rows, _, columns = size
    return Case(size, (blocks_for(columns, TILE), blocks_for(rows, TILE)), (TILE, TILE))


def bytes_moved(size: Shape) -> int:
    """Each matrix once; tiles read a and b once for each tile of the other."""
    rows, inner, columns = size
    return 4 * (rows * inner + inner * columns + rows * columns)


PROBLEM = Problem(
    module=__name__,
    parameters=("a", "b", "c"),
    outputs=("c",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 2 * size[0] * size[1] * size[2],
    bytes_moved=bytes_moved,
    tolerance=Tolerance(1e-5, 0.0, "sums of positive numbers, rounded (6e-8) at each step in another order"),
    launch=launch,
    cases=tuple(map(launch, ((16, 16, 16), (20, 17, 9), (9, 33, 20), (1, 5, 40)))),
    edges=tuple(map(launch, ((0, 3, 4), (3, 0, 4), (1, 1, 1)))),
    equivalent={
        "matmul: for start in range(0, inner, TILE): -> for start in range(0, inner, cuda.blockDim.x):": (
            "blocks are as wide as a tile in every launch"
        ),
    },
)
