"""Luminance of a colour image: a thread for each pixel, on a grid of two dimensions.

Real images are rarely square, and CUDA's x runs along a row, while NumPy's first index picks the row. A
kernel that mixes the two up works on a square image, and on no other.
"""

import numpy as np

from hpcampus_kernels.problem import Argument, Array, Case, Problem, Shape, Tolerance, blocks_for

# Weights of linear red, green and blue in luminance: Recommendation ITU-R BT.709. As float32, because a
# plain number in a kernel is a float64, and so is all that it is multiplied with.
RED, GREEN, BLUE = np.float32(0.2126), np.float32(0.7152), np.float32(0.0722)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """An image of shape (rows, columns, 3) with values in [0, 1), and an output full of NaN."""
    return rng.random((*size, 3), dtype=np.float32), np.full(size, np.nan, np.float32)


def reference(rgb: Array, grey: Array) -> tuple[Array]:
    """NumPy's answer."""
    return (rgb @ np.array([RED, GREEN, BLUE]),)


PROBLEM = Problem(
    module=__name__,
    parameters=("rgb", "grey"),
    outputs=("grey",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 5 * size[0] * size[1],
    bytes_moved=lambda size: 4 * 4 * size[0] * size[1],
    tolerance=Tolerance(0.0, 5e-7, "five roundings of float32 (6e-8 each) on values below 1"),
    launch=lambda size: Case(size, (blocks_for(size[1], 64), blocks_for(size[0], 4)), (64, 4)),
    cases=(
        Case((8, 8), (1, 1), (8, 8)),
        Case((10, 30), (4, 2), (8, 8)),
        Case((30, 10), (2, 4), (8, 8)),
        Case((17, 9), (2, 3), (8, 8)),
        Case((1, 40), (3, 1), (16, 2)),
        Case((33, 34), (2, 9), (32, 4)),
    ),
    edges=(
        Case((0, 5), (1, 1), (8, 8)),
        Case((1, 1), (1, 1), (1, 1)),
        Case((3, 20), (4, 2), (8, 8)),
    ),
)
