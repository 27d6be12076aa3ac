"""Softmax of each row: exp(x) divided by its sum over the row, without numbers that grow beyond float32."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance

MOST_BLOCKS = 65535


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Values of (rows, columns) that reach far above 89, where exp leaves float32; an output full of NaN."""
    x = rng.uniform(-5, 5, size).astype(np.float32) + rng.uniform(80, 120, (size[0], 1)).astype(np.float32)
    return x, np.full(size, np.nan, np.float32)


def reference(x: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    shares = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))
    return (shares / shares.sum(axis=1, keepdims=True),)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 5 * size[0] * size[1],
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1],
    tolerance=Tolerance(
        2e-5, 1e-9, "exp differs in its last bits (1e-6) between devices, sums in their order"
    ),
    launch=lambda size: Case(size, (min(max(size[0], 1), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. Rows are longer than a block, and more than the blocks.
    cases=(
        Case((1, 64), (1,), (64,)),
        Case((3, 150), (3,), (64,)),
        Case((5, 200), (2,), (128,)),
        Case((2, 300), (2,), (192,)),
    ),
    edges=(Case((0, 5), (1,), (64,)), Case((2, 1), (2,), (64,)), Case((1, 3), (2,), (64,))),
    equivalent={
        "block_max: for warp in range(1, cuda.blockDim.x // cuda.warpsize): "
        "-> for warp in range(1, cuda.blockDim.x // cuda.warpsize - 1):": (
            "what is taken off before exp need only be near the maximum: it cancels out"
        ),
        "softmax: if value > highest: -> if value >= highest:": (
            "for two equal values both branches add the same 1"
        ),
    },
)
