"""Branches at which the lanes of a warp part ways, so that they run one after the other.

The n-th time that each lane comes to a branch is one *decision* of its warp, as with requests to memory. A
loop decides at each round: lanes that leave it early wait for the others.
"""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.grouping import fresh, requests
from hpcampus_kernels.simulator.log import Site
from hpcampus_kernels.simulator.report import Branch
from hpcampus_kernels.simulator.table import Shape


def branches(taken: list[int], loops: set[int], sites: list[Site], shape: Shape) -> Iterator[Branch]:
    """One for each branch; `taken` holds a thread, a site, and whether it is taken or how many rounds."""
    rows = np.fromiter(taken, np.int64, len(taken) // 3 * 3).reshape(-1, 3)
    if not len(rows):
        return
    thread, site, outcome = rows.T
    order, decision, site_of, _ = requests(site, thread, shape)
    bits = int(outcome.max()).bit_length()
    ways = np.sort(decision << bits | outcome[order])
    ways = ways[fresh(ways)]
    of, outcome = ways >> bits, ways & (1 << bits) - 1
    # Of lanes that go 2, 2 and 5 rounds, some leave the loop once before the others do.
    parted = np.bincount(of) - 1
    most = np.zeros(len(site_of), np.int64)
    np.maximum.at(most, of, outcome)
    for number in np.unique(site_of).tolist():
        here = site_of == number
        decisions = int((most[here] + 1).sum()) if number in loops else int(here.sum())
        yield Branch(sites[number].line, decisions, int(parted[here].sum()))
