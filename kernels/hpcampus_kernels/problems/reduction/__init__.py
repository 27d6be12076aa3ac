"""Add up an array: each thread its share, then each warp, each block, and at last the blocks."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

MOST_BLOCKS = 1024


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Values in [0, 1), and a total of 0 to add to."""
    return rng.random(size, dtype=np.float32), np.zeros(1, np.float32)


def reference(x: Array, total: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (x.sum(dtype=np.float64, keepdims=True).astype(np.float32),)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "total"),
    outputs=("total",),
    writes="shared",
    arguments=arguments,
    reference=reference,
    flops=lambda size: size[0],
    bytes_moved=lambda size: 4 * size[0],
    tolerance=Tolerance(1e-5, 0.0, "a sum of positive numbers, rounded (6e-8) at each step in another order"),
    launch=lambda size: Case(size, (min(blocks_for(size[0], 256), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. One has three warps of 64: no power of two.
    cases=(
        Case((256,), (2,), (128,)),
        Case((700,), (2,), (192,)),
        Case((300,), (3,), (64,)),
        Case((100,), (1,), (128,)),
    ),
    edges=(Case((0,), (1,), (64,)), Case((1,), (1,), (128,)), Case((65,), (3,), (64,))),
    equivalent={
        "block_sum: cuda.syncthreads() ->": ("this kernel calls it once; it is for those that call it twice"),
    },
)
