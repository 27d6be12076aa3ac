"""y = a x + y, in place ("single-precision a x plus y"), with a loop that strides over the whole grid."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

MOST_BLOCKS = 1024


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """a in [1, 2); x and y in [1, 2), so that doing an element twice always changes its value."""
    x, y = (rng.uniform(1, 2, size).astype(np.float32) for _ in range(2))
    return np.float32(rng.uniform(1, 2)), x, y


def reference(a: np.float32, x: Array, y: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (a * x + y,)


PROBLEM = Problem(
    module=__name__,
    parameters=("a", "x", "y"),
    outputs=("y",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 2 * size[0],
    bytes_moved=lambda size: 3 * 4 * size[0],
    tolerance=Tolerance(3e-7, 0.0, "one or two roundings of float32 (6e-8 each): a GPU may fuse the two"),
    launch=lambda size: Case(size, (min(blocks_for(size[0], 256), MOST_BLOCKS),), (256,)),
    cases=(
        Case((96,), (3,), (32,)),
        Case((100,), (4,), (32,)),
        Case((1000,), (3,), (32,)),
        Case((500,), (1,), (64,)),
        Case((1,), (2,), (32,)),
    ),
    edges=(
        Case((0,), (1,), (32,)),
        Case((1,), (1,), (1,)),
        Case((77,), (1,), (1,)),
        Case((5,), (9,), (32,)),
    ),
)
