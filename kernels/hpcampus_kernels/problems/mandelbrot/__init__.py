"""How many steps z -> z^2 + c takes to leave the circle of radius 2, for each c of a picture.

Neighbours take different numbers of steps, and a warp takes as many as the slowest of its threads.
"""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

MOST_STEPS = 64
FOUR, TWO = np.float32(4), np.float32(2)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """The left and upper end of the picture, the distance of its pixels, and steps of -1, (rows, columns).

    A picture of one pixel shows the tip of the set: c = -2, whose z stays on the circle for ever.
    """
    left, top = (rng.uniform(-2.0, -1.9), rng.uniform(-1.2, -1.1)) if size != (1, 1) else (-2.0, 0.0)
    step = 2.4 / max(*size, 1)
    return np.float32(left), np.float32(top), np.float32(step), np.full(size, -1, np.int32)


def reference(left: np.float32, top: np.float32, step: np.float32, steps: Array) -> tuple[Array]:
    """NumPy's answer: all pixels at once, and those that have left no longer count."""
    rows, columns = steps.shape
    x0 = left + np.arange(columns, dtype=np.float32)[None, :] * step + np.zeros((rows, 1), np.float32)
    y0 = top + np.arange(rows, dtype=np.float32)[:, None] * step + np.zeros((1, columns), np.float32)
    x, y, answer = x0.copy(), y0.copy(), np.zeros(steps.shape, np.int32)
    for _ in range(MOST_STEPS):
        inside = x * x + y * y <= FOUR
        answer += inside
        x[inside], y[inside] = (
            x[inside] ** 2 - y[inside] ** 2 + x0[inside],
            TWO * x[inside] * y[inside] + y0[inside],
        )
    return (answer,)


PROBLEM = Problem(
    module=__name__,
    parameters=("left", "top", "step", "steps"),
    outputs=("steps",),
    writes="once",
    arguments=arguments,
    reference=reference,
    # For pixels of the set itself; all others take fewer steps.
    flops=lambda size: 8 * MOST_STEPS * size[0] * size[1],
    bytes_moved=lambda size: 4 * size[0] * size[1],
    tolerance=Tolerance(
        0.0, 0.0, "at the edge of the set one rounding decides: 2 in 100 pixels may differ", share=0.02
    ),
    launch=lambda size: Case(size, (blocks_for(size[1], 32), blocks_for(size[0], 8)), (32, 8)),
    cases=(
        Case((16, 16), (1, 1), (16, 16)),
        Case((10, 30), (4, 2), (8, 8)),
        Case((30, 9), (2, 4), (8, 8)),
        Case((30, 34), (2, 8), (32, 4)),
    ),
    edges=(Case((0, 5), (1, 1), (8, 8)), Case((1, 1), (1, 1), (8, 8)), Case((1, 20), (3, 1), (8, 8))),
    equivalent={
        "mandelbrot: FOUR is a float32 -> FOUR is a float64": (
            "4 is the same in both, and the compiler compares in float32"
        ),
    },
)
