"""Count how often each level occurs: many threads add to the same counter, so the update must be atomic."""

import numpy as np

from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape, blocks_for

MOST_BLOCKS = 1024


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Levels of a detector and zeroed counters, for a size of (readings, bins).

    About one reading in ten is no level: -1 for "no reading", `bins` and above for "too bright". A third of
    the others are the same level, so that threads meet.
    """
    readings, bins = size
    levels = rng.integers(0, max(bins, 1), readings, dtype=np.int32)
    kind = rng.random(readings)
    levels[kind < 0.33] = bins // 2
    levels[kind > 0.95] = -1
    too_bright = (kind > 0.90) & (kind <= 0.95)
    # Also the first level behind the counters, nearly always: who writes <= for < must be found.
    levels[too_bright] = bins + rng.integers(0, 3, np.count_nonzero(too_bright))
    return levels, np.zeros(bins, np.int32)


def reference(levels: Array, counts: Array) -> tuple[Array]:
    """NumPy's answer."""
    bins = counts.size
    return (np.bincount(levels[(levels >= 0) & (levels < bins)], minlength=bins).astype(counts.dtype),)


PROBLEM = Problem(
    module=__name__,
    parameters=("levels", "counts"),
    outputs=("counts",),
    writes="shared",
    arguments=arguments,
    reference=reference,
    flops=lambda size: size[0],
    bytes_moved=lambda size: 4 * size[0] + 4 * size[1],
    tolerance=EXACT,
    launch=lambda size: Case(size, (min(blocks_for(size[0], 256), MOST_BLOCKS),), (256,)),
    cases=(
        Case((64, 8), (2,), (32,)),
        Case((500, 16), (2,), (64,)),
        Case((100, 5), (4,), (32,)),
        Case((1, 4), (1,), (32,)),
    ),
    edges=(Case((0, 4), (1,), (32,)), Case((1, 1), (1,), (1,)), Case((700, 2), (4,), (48,))),
    shared_bytes=lambda size: 4 * size[1],
)
