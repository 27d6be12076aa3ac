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


def branches(taken: list[int], loops: set[int], sites: list[Site], shape: Shape) -> Iterator[Branch]:
    """One for each branch; `taken` holds a thread, a site, and whether it is taken or how many rounds."""
    rows = np.array(taken[: len(taken) // 3 * 3], np.int64).reshape(-1, 3)
    if not len(rows):
        return
    thread, site, outcome = rows.T
    count = occurrence(site, thread)
    for number in np.unique(site).tolist():
        chosen = np.flatnonzero(site == number)
        decision = shape.warps(thread[chosen]) * (int(count.max()) + 1) + count[chosen]
        _, group = np.unique(decision, return_inverse=True)
        ways = np.unique(np.stack([group, outcome[chosen]]), axis=1)
        # Of lanes that go 2, 2 and 5 rounds, some leave the loop once before the others do.
        parted = ways.shape[1] - (int(group.max()) + 1)
        most = np.zeros(int(group.max()) + 1, np.int64)
        np.maximum.at(most, group, outcome[chosen])
        decisions = int((most + 1).sum()) if number in loops else len(most)
        yield Branch(sites[number].line, decisions, parted)
