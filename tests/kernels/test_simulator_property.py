"""Random kernels: a race is reported for exactly those in which two accesses are unordered, pair by pair."""

import os
from itertools import combinations
from typing import Any

import numpy as np
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import simulate
from hypothesis import given, settings
from hypothesis import strategies as st

MANY = int(os.environ.get("CAMPUS_EXAMPLES", "150"))
THREADS, WARP, BLOCKS, ELEMENTS = 8, 4, 2, 5
NOTHING, READ, WRITE = range(3)
FREE, LANES, BLOCK = range(3)

step = st.tuples(
    st.integers(FREE, BLOCK),
    st.lists(
        st.tuples(st.sampled_from([NOTHING] * 4 + [READ, WRITE]), st.integers(0, ELEMENTS - 1)),
        min_size=THREADS * BLOCKS,
        max_size=THREADS * BLOCKS,
    ),
)
Program = list[tuple[int, list[tuple[int, int]]]]


def racy(program: Program) -> bool:
    """Every pair of accesses, one by one."""
    accesses, block_epoch, warp_epoch = [], 0, 0
    for barrier, row in program:
        accesses += [
            (*access, thread, block_epoch, warp_epoch) for thread, access in enumerate(row) if access[0]
        ]
        block_epoch += barrier == BLOCK
        warp_epoch += barrier == LANES
    return any(_race(one, other) for one, other in combinations(accesses, 2))


def _race(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    if one[1] != other[1] or one[2] == other[2] or WRITE not in (one[0], other[0]):
        return False
    if one[2] // THREADS != other[2] // THREADS:
        return True
    same_warp = one[2] // WARP == other[2] // WARP
    return one[3] == other[3] and not (same_warp and one[4] != other[4])


@settings(max_examples=MANY)
@given(st.lists(step, min_size=1, max_size=6), st.integers(0, 3))
def test_races_are_those_of_the_definition(program: Program, schedule: int) -> None:
    barriers = np.array([barrier for barrier, _ in program])
    kinds, places = np.moveaxis(np.array([row for _, row in program]), 2, 0)

    def kernel(x: Any) -> None:
        me = cuda.grid(1)
        for number in range(len(barriers)):
            if kinds[number, me] == READ:
                x[places[number, me]]
            elif kinds[number, me] == WRITE:
                x[places[number, me]] = me
            if barriers[number] == LANES:
                cuda.syncwarp()
            elif barriers[number] == BLOCK:
                cuda.syncthreads()

    report = simulate(
        kernel,
        BLOCKS,
        THREADS,
        np.zeros(ELEMENTS, np.int32),
        warpsize=WARP,
        schedule=schedule,
        check=["races"],
    )
    assert ("race" in report.kinds()) == racy(program), str(report)
    assert report.kinds() <= {"race"}
