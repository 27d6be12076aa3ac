"""Pi from darts: of those thrown anywhere into a square, pi / 4 land in the quarter of a circle.

Where a dart lands follows from its number alone, so that any thread can throw any dart, and each launch
shape gives the same hits. Generators that keep a state would need one for each thread.
"""

from typing import Any

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape, blocks_for

MOST_BLOCKS = 1024
# A dart's place has 16 bits along x and 16 along y.
BITS, LOW = 16, 0xFFFF
SQUARE = 1 << 2 * BITS
MASK = 0xFFFFFFFF


def mix(number: Any) -> Any:
    """32 bits that look random for each number of 32 bits: Wellons' "lowbias32" (2018), a bijection."""
    number = (number ^ (number >> 16)) * 0x7FEB352D & MASK
    number = (number ^ (number >> 15)) * 0x846CA68B & MASK
    return number ^ (number >> 16)


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """A seed, the number of darts, and hits of 0 to add to."""
    return int(rng.integers(1 << 31)), size[0], np.zeros(1, np.int32)


def reference(seed: int, darts: int, hits: Array) -> tuple[Array]:
    """NumPy's answer. 4 hits / darts is about pi."""
    place = mix(np.arange(darts, dtype=np.uint64) ^ np.uint64(seed))
    x, y = place & np.uint64(LOW), place >> np.uint64(BITS)
    return (np.array([np.count_nonzero(x * x + y * y < SQUARE)], np.int32),)


PROBLEM = Problem(
    module=__name__,
    parameters=("seed", "darts", "hits"),
    outputs=("hits",),
    writes="shared",
    arguments=arguments,
    reference=reference,
    flops=lambda size: 14 * size[0],
    bytes_moved=lambda size: 4,
    tolerance=EXACT,
    launch=lambda size: Case(size, (min(blocks_for(size[0], 256), MOST_BLOCKS),), (256,)),
    # Blocks are whole warps, of 64 threads, too.
    cases=(
        Case((256,), (2,), (128,)),
        Case((700,), (2,), (64,)),
        Case((150,), (3,), (64,)),
        Case((100,), (1,), (128,)),
    ),
    edges=(Case((0,), (1,), (64,)), Case((1,), (1,), (64,)), Case((65,), (3,), (64,))),
    equivalent={
        "monte_carlo_pi: if x * x + y * y < SQUARE: -> if x * x + y * y <= SQUARE:": (
            "2^32 is a sum of two squares only as (2^16)^2 + 0, and no coordinate reaches 2^16"
        ),
    },
)
