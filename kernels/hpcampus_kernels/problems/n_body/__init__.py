"""The pull of all bodies on each: n x n pairs from n bodies, so what is read once should be used often."""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

# Added to each distance squared: no pair pulls without bound, and a body doesn't pull itself.
SOFTENING = np.float32(0.01)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Rows x, y, z and mass of `bodies`, (4, n), and rows x, y, z of `pull`, (3, n), full of NaN.

    A row for each quantity, not for each body: threads that are neighbours read neighbours.
    """
    bodies = rng.uniform(-1, 1, (4, *size)).astype(np.float32)
    bodies[3] = rng.uniform(0.5, 1.5, size) / max(size[0], 1)
    return bodies, np.full((3, *size), np.nan, np.float32)


def reference(bodies: Array, pull: Array) -> tuple[Array]:
    """NumPy's answer."""
    places, masses = bodies[:3], bodies[3]
    apart = places[:, None, :] - places[:, :, None]
    squared = (apart**2).sum(axis=0) + SOFTENING
    return ((apart * (masses / (squared * np.sqrt(squared)))).sum(axis=2),)


PROBLEM = Problem(
    module=__name__,
    parameters=("bodies", "pull"),
    outputs=("pull",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 20 * size[0] ** 2,
    bytes_moved=lambda size: 28 * size[0],
    tolerance=Tolerance(1e-5, 2e-5, "sums of pulls up to 38 that partly cancel, each right to a few 6e-8"),
    launch=lambda size: Case(size, (blocks_for(size[0], 128),), (128,)),
    # The last tile of bodies is full, ragged, or the only one.
    cases=(
        Case((64,), (2,), (32,)),
        Case((65,), (3,), (32,)),
        Case((20,), (1,), (32,)),
        Case((40,), (1,), (64,)),
    ),
    edges=(Case((0,), (1,), (32,)), Case((1,), (1,), (32,)), Case((2,), (2,), (32,))),
)
