"""Add two vectors: one thread for each element, and a guard for the threads that have none."""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape, blocks_for


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """x and y in [-1, 1), and an output full of NaN, so that an element that nobody wrote is seen."""
    x, y = (rng.uniform(-1, 1, size).astype(np.float32) for _ in range(2))
    return x, y, np.full(size, np.nan, np.float32)


def reference(x: Array, y: Array, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (x + y,)


PROBLEM = Problem(
    module=__name__,
    parameters=("x", "y", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: size[0],
    bytes_moved=lambda size: 3 * 4 * size[0],
    tolerance=EXACT,
    launch=lambda size: Case(size, (blocks_for(size[0], 256),), (256,)),
    cases=(
        Case((64,), (2,), (32,)),
        Case((100,), (4,), (32,)),
        Case((257,), (3,), (128,)),
        Case((1,), (1,), (32,)),
        Case((33,), (4,), (32,)),
    ),
    edges=(Case((0,), (1,), (32,)), Case((1,), (1,), (1,)), Case((5,), (9,), (32,))),
)
