"""Bring each row to the mean 0 and the variance 1, then scale and shift its columns."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance

MOST_BLOCKS = 65535
# Keeps a row of equal values from a division by 0.
EPSILON = np.float32(1e-5)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Values around 1000: beside their squares a variance of 1 is lost in float32.

    The size is (rows, columns), with at least one column.
    """
    x = rng.normal(1000, 1, size).astype(np.float32)
    scale, shift = rng.random(size[1], dtype=np.float32), rng.random(size[1], dtype=np.float32)
    return x, scale, shift, np.full(size, np.nan, np.float32)


def reference(x: Array, scale: Array, shift: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    wide = x.astype(np.float64)
    centred = wide - wide.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
    return ((centred / deviation * scale + shift).astype(np.float32),)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "scale", "shift", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 8 * size[0] * size[1],
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1] + 2 * 4 * size[1],
    tolerance=Tolerance(0.0, 1e-3, "a mean near 1000 is known to 6e-5 in float32, and results are below 6"),
    launch=lambda size: Case(size, (min(max(size[0], 1), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. Rows are longer than a block, and more than the blocks.
    cases=(
        Case((1, 64), (1,), (64,)),
        Case((3, 150), (3,), (64,)),
        Case((5, 100), (2,), (128,)),
        Case((2, 300), (2,), (192,)),
    ),
    edges=(Case((0, 5), (1,), (64,)), Case((2, 1), (2,), (64,)), Case((1, 3), (2,), (64,))),
)
