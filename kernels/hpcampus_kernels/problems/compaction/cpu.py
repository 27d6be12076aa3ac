"""Compaction on one core: every number is written, and the next one takes its place if it isn't kept.

Without an `if` there is nothing to guess for the processor, which would be wrong half of the time.
"""

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled

CHUNK = 1024


@compiled
def compact(chunk: Array, kept: Array) -> int:
    """The positive numbers of a chunk in `kept`, which has room for one more; how many they are."""
    count = np.uint64(0)
    for i in range(chunk.size):
        kept[count] = chunk[i]
        count += np.uint64(chunk[i] > 0)
    return int(count)


@compiled
def compaction(x: Array, kept: Array, counts: Array) -> None:
    rows, columns = x.shape
    # Not into the output itself: behind the last number it must stay as it was.
    buffer = np.empty(CHUNK + 1, x.dtype)
    for row in range(rows):
        count = 0
        for start in range(0, columns, CHUNK):
            more = compact(x[row, start : start + CHUNK], buffer)
            for i in range(more):
                kept[row, count + i] = buffer[i]
            count += more
        counts[row] = count
