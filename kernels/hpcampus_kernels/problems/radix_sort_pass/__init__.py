"""A pass of radix sort: sort each row by four bits of its keys; keys that agree in them keep their order.

Eight passes, from the lowest bits to the highest, sort numbers of 32 bits.
"""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape

BITS = 4
DIGITS = 1 << BITS
MOST_BLOCKS = 65535


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Keys of (rows, columns), by how many bits the digit lies to the left, and an output of 0."""
    keys = rng.integers(1, 1 << 32, size, dtype=np.uint32)
    return keys, int(rng.integers(0, 8)) * BITS, np.zeros(size, np.uint32)


def reference(keys: Array, shift: int, out: Array) -> tuple[Array]:
    """NumPy's answer."""
    order = np.argsort((keys >> np.uint32(shift)) % np.uint32(DIGITS), axis=1, kind="stable")
    return (np.take_along_axis(keys, order, axis=1),)


PROBLEM = Problem(
    module=__name__,
    parameters=("keys", "shift", "out"),
    outputs=("out",),
    writes="once",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 2 * size[0] * size[1],
    bytes_moved=lambda size: 2 * 4 * size[0] * size[1],
    tolerance=EXACT,
    launch=lambda size: Case(size, (min(max(size[0], 1), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too. Rows are longer than a block, and more than the blocks.
    cases=(
        Case((1, 64), (1,), (64,)),
        Case((3, 150), (3,), (64,)),
        Case((4, 130), (2,), (128,)),
        Case((2, 300), (2,), (192,)),
    ),
    edges=(Case((0, 5), (1,), (64,)), Case((3, 0), (2,), (64,)), Case((1, 1), (2,), (64,))),
    equivalent={
        "radix_sort_pass: if inside: ->": (
            "lanes without a key come last in the row: nobody comes behind the places that they take"
        ),
    },
)
