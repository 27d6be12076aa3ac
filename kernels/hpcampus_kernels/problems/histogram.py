"""Count how often each level occurs: many threads add to the same counter, so the update must be atomic."""

import numpy as np

from hpcampus_kernels.backend import cuda, njit
from hpcampus_kernels.problem import EXACT, Argument, Array, Case, Problem, Shape


def arguments(size: Shape, rng: np.random.Generator) -> tuple[Argument, ...]:
    """Levels of a detector and zeroed counters, for a size of (readings, bins).

    About one reading in ten is no level: -1 for "no reading", `bins` and above for "too bright". A third of
    the others are the same level, so that threads meet.
    """
    readings, bins = size
    levels = rng.integers(0, bins, readings, dtype=np.int32)
    kind = rng.random(readings)
    levels[kind < 0.33] = bins // 2
    levels[kind > 0.95] = -1
    levels[(kind > 0.90) & (kind <= 0.95)] = bins + rng.integers(0, 3)
    return levels, np.zeros(bins, np.int32)


def reference(levels: Array, counts: Array) -> Array:
    """NumPy's answer."""
    bins = counts.size
    return np.bincount(levels[(levels >= 0) & (levels < bins)], minlength=bins).astype(counts.dtype)


@njit
def cpu(levels: Array, counts: Array) -> None:
    """The same as a loop, compiled for the CPU: with one thread there is nobody to meet."""
    for i in range(levels.size):
        level = levels[i]
        if 0 <= level < counts.size:
            counts[level] += 1


@cuda.jit
def gpu(levels: Array, counts: Array) -> None:
    """A grid-stride loop over the readings; the hardware puts the additions to one counter in a row."""
    for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):
        level = levels[i]
        # A GPU takes counts[-1] for the last counter, as Python does: -1 must be kept out, too.
        if 0 <= level < counts.size:
            cuda.atomic.add(counts, level, 1)


PROBLEM = Problem(
    name="histogram",
    parameters=("levels", "counts"),
    output="counts",
    writes="shared",
    arguments=arguments,
    reference=reference,
    cpu=cpu,
    gpu=gpu,
    flops=lambda size: size[0],
    bytes_moved=lambda size: 4 * size[0] + 4 * size[1],
    tolerance=EXACT,
    cases=(
        Case((64, 8), (2,), (32,)),
        Case((500, 16), (2,), (64,)),
        Case((100, 5), (4,), (32,)),
        Case((1, 4), (1,), (32,)),
    ),
)
