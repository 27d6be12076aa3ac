"""Compaction on one core: every number is written, and the next one takes its place if it isn't kept.

Without an `if` there is nothing to guess for the processor, which would be wrong half of the time.
"""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled


@compiled
def compaction(x: Array, kept: Array, counts: Array) -> None:
    rows, columns = x.shape
    for row in range(rows):
        count = 0
        for i in range(columns):
            value = x[row, i]
            # The room behind the last one must stay as it was: there, what was written is put back.
            before = kept[row, count]
            keep = value > 0
            kept[row, count] = value if keep else before
            count += 1 if keep else 0
        counts[row] = count
