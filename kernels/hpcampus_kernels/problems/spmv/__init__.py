"""A sparse matrix times a vector: the matrix is in compressed rows (CSR), and rows are of any length."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """A matrix of (rows, columns) with a number of elements for each row on average, and x in [0, 1).

    Row r has the elements values[offsets[r]:offsets[r + 1]], in the columns of the same places.
    """
    rows, columns, per_row = size if size[1] else (*size[:2], 0)
    counts = rng.multinomial(rows * per_row, np.full(rows, 1 / rows)) if rows else np.zeros(0, np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    places = rng.integers(0, columns, rows * per_row, dtype=np.int32)
    values, x = rng.random(rows * per_row, dtype=np.float32), rng.random(columns, dtype=np.float32)
    return values, places, offsets, x, np.full(rows, np.nan, np.float32)


def reference(values: Array, columns: Array, offsets: Array, x: Array, y: Array) -> tuple[Array]:
    """NumPy's answer."""
    before = np.concatenate([[0.0], np.cumsum(values * x[columns], dtype=np.float64)])
    return (np.diff(before[offsets]).astype(np.float32),)


def bytes_moved(size: Shape) -> int:
    """Values, columns and offsets once; of x each element at least once."""
    rows, columns, per_row = size
    return 8 * rows * per_row + 4 * (rows + 1) + 4 * rows + 4 * columns


PROBLEM = Problem(
    module=__name__,
    parameters=("values", "columns", "offsets", "x", "y"),
    outputs=("y",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 2 * size[0] * size[2],
    bytes_moved=bytes_moved,
    tolerance=Tolerance(1e-5, 1e-9, "sums of positive numbers, rounded (6e-8) at each step in another order"),
    # A warp of 32 threads for each row; a warp of 64 takes every second one, and goes on.
    launch=lambda size: Case(size, (blocks_for(size[0], 8),), (256,)),
    # Blocks are whole warps, of 64 threads, too.
    cases=(
        Case((4, 30, 40), (1,), (128,)),
        Case((9, 50, 20), (2,), (128,)),
        Case((20, 20, 3), (3,), (64,)),
        Case((5, 8, 100), (1,), (64,)),
        Case((3, 40, 20), (2,), (128,)),
    ),
    edges=(Case((0, 5, 3), (1,), (64,)), Case((3, 5, 0), (1,), (64,)), Case((1, 1, 1), (2,), (64,))),
)
