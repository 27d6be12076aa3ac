"""Running totals of each row (NumPy's cumsum): every sum needs the one before, and yet threads share it."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance

MOST_BLOCKS = 65535


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Values in [0, 1) of (rows, columns), and an output full of NaN."""
    return rng.random(size, dtype=np.float32), np.full(size, np.nan, np.float32)


def reference(x: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (np.cumsum(x, axis=1, dtype=np.float64).astype(np.float32),)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: size[0] * size[1],
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1],
    tolerance=Tolerance(1e-5, 0.0, "sums of positive numbers, rounded (6e-8) at each step in another order"),
    launch=lambda size: Case(size, (min(max(size[0], 1), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. Rows are longer than a block, and more than the blocks.
    cases=(
        Case((1, 64), (1,), (64,)),
        Case((3, 150), (3,), (64,)),
        Case((5, 200), (2,), (128,)),
        Case((2, 300), (2,), (192,)),
    ),
    edges=(Case((0, 5), (1,), (64,)), Case((2, 0), (2,), (64,)), Case((1, 1), (2,), (64,))),
    equivalent={
        "warp_scan: while step < cuda.warpsize: -> while step <= cuda.warpsize:": (
            "no lane is as high as a warp is wide, so that nobody adds in that step"
        ),
    },
)
