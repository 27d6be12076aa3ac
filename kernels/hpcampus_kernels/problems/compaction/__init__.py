"""Keep the positive numbers of each row, in their order: where one goes depends on all before it."""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape

MOST_BLOCKS = 65535


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Values of (rows, columns), room for as many, full of 0, and a count of -1 for each row.

    Values lie in [-1, 1); one in ten is exactly 0, which is not positive.
    """
    x = rng.uniform(-1, 1, size).astype(np.float32)
    x[rng.random(size) < 0.1] = 0
    return x, np.zeros(size, np.float32), np.full(size[0], -1, np.int32)


def reference(x: Array, kept: Array, counts: Array) -> tuple[Array, Array]:
    """NumPy's answer; behind the last number that is kept, the room stays as it was."""
    answer = kept.copy()
    for row, values in enumerate(x):
        positive = values[values > 0]
        answer[row, : positive.size] = positive
    return answer, (x > 0).sum(axis=1, dtype=np.int32)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "kept", "counts"),
    outputs=("kept", "counts"),
    writes="shared",
    arguments=arguments,
    reference=reference,
    flops=lambda size: size[0] * size[1],
    bytes_moved=lambda size: 4 * size[0] * size[1] + 2 * size[0] * size[1] + 4 * size[0],
    tolerance=EXACT,
    launch=lambda size: Case(size, (min(max(size[0], 1), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. Rows are longer than a block, and more than the blocks.
    cases=(
        Case((1, 64), (1,), (64,)),
        Case((3, 150), (3,), (64,)),
        Case((5, 200), (2,), (128,)),
        Case((2, 300), (2,), (192,)),
    ),
    edges=(Case((0, 5), (1,), (64,)), Case((2, 0), (2,), (64,)), Case((1, 1), (2,), (64,))),
)
