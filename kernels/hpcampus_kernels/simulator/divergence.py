"""Branches at which the lanes of a warp part ways, so that they run one after the other.

The n-th time that each lane comes to a branch is one *decision* of its warp, as with requests to memory. A
loop decides at each round: lanes that leave it early wait for the others.
"""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.log import Site
from hpcampus_kernels.simulator.measure import occurrence
from hpcampus_kernels.simulator.report import Branch
from hpcampus_kernels.simulator.table import Shape


def branches(taken: list[int], sites: list[Site], shape: Shape) -> Iterator[Branch]:
    """One for each branch; `taken` holds pairs of a thread, and twice a site plus whether it is taken."""
    rows = np.array(taken[: len(taken) // 2 * 2], np.int64).reshape(-1, 2)
    if not len(rows):
        return
    thread, site, outcome = rows[:, 0], rows[:, 1] // 2, rows[:, 1] % 2
    count = occurrence(site, thread)
    for number in np.unique(site).tolist():
        chosen = np.flatnonzero(site == number)
        decision = shape.warps(thread[chosen]) * (int(count.max()) + 1) + count[chosen]
        _, group = np.unique(decision, return_inverse=True)
        lanes, yes = np.bincount(group), np.bincount(group, weights=outcome[chosen])
        parted = int(((yes > 0) & (yes < lanes)).sum())
        yield Branch(sites[number].line, len(lanes), parted)
