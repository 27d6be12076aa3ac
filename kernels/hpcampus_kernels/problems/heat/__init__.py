"""One step of the heat equation: each inner point moves towards the mean of its four neighbours.

The edges keep their temperature. Forward in time, central in space; stable for a rate up to 1/4.
"""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Temperatures in [0, 1) on (rows, columns), a rate in [0.1, 0.25), and an output full of NaN."""
    return rng.random(size, dtype=np.float32), np.float32(rng.uniform(0.1, 0.25)), np.full(size, np.nan, "f4")


def reference(u: Array, rate: np.float32, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    after = u.copy()
    around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
    after[1:-1, 1:-1] += rate * (around - np.float32(4) * u[1:-1, 1:-1])
    return (after,)


PROBLEM = Problem(
    module=__name__,
    parameters=("u", "rate", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 7 * max(size[0] - 2, 0) * max(size[1] - 2, 0),
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1],
    tolerance=Tolerance(
        0.0, 1e-6, "seven roundings of float32 on values below 4 (2e-7 each), then a quarter"
    ),
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
        Case((3, 3), (2, 2), (8, 8)),
    ),
)
