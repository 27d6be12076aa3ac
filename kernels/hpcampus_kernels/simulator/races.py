"""Data races: two threads touch one element, one of them changes it, and nothing orders the two.

Two atomic operations are no race; an atomic operation and a plain access are.

All accesses to one element form a group. Within a group, what a barrier separates is ordered. So a conflict
can only be between two blocks; between two warps of a block in the same epoch of the block; or between two
lanes of a warp in the same epoch of the warp. NumPy finds these candidates for all elements at once; only
their accesses are looked at pair by pair, with what the threads know of each other through atomic operations.
The rule needs no luck: it holds for every schedule, whatever came out in this one (happens-before: Lamport
1978; epochs: FastTrack, Flanagan and Freund 2009).
"""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.findings import ERROR, RACE, WARNING, Finding
from hpcampus_kernels.simulator.grouping import Mask, by, dense, fresh
from hpcampus_kernels.simulator.log import ATOMIC, READ, WRITE, Integers, Turn
from hpcampus_kernels.simulator.table import Table

# Accesses of one element that are compared pair by pair; beyond it, the first of each thread and kind.
PAIRS = 400


def races(table: Table) -> Iterator[Finding]:
    """One finding for each pair of lines."""
    seen: set[tuple[int, ...]] = set()
    for rows in _candidates(table):
        sites = (*np.unique(table.site[rows]).tolist(), table.region_of(int(rows[0])).block >= 0)
        pair = None if sites in seen else _pair(table, rows)
        if pair is not None:
            seen.add(sites)
            yield _finding(table, pair, rows)


def _candidates(table: Table) -> Iterator[Integers]:
    """The accesses of each element that two threads may have touched with nothing between them."""
    rows = np.flatnonzero(_mixed(table.address, table.thread, table.kind)[table.address])
    address, kind, turn = table.address[rows], table.kind[rows], table.turn[rows]
    thread, epoch, warp_epoch = (table.turns[turn, column] for column in (1, 2, 3))
    block, warp = thread // table.shape.threads, table.shape.warps(thread)
    # An element that several blocks change is guilty anyhow: so the epochs need not say of which block.
    in_block = dense(address * (int(epoch.max(initial=0)) + 1) + epoch)
    in_warp = dense(in_block * (int(warp_epoch.max(initial=0)) + 1) + warp_epoch)
    guilty = np.zeros(len(rows), np.bool_)
    for key, who in ((address, block), (in_block, warp), (in_warp, thread)):
        guilty |= _mixed(key, who, kind)[key]
    # Whole elements, so that the reads before and after are seen, too.
    hit = np.zeros(table.log.addresses, np.bool_)
    hit[address[guilty]] = True
    rows = rows[hit[address]]
    rows = rows[by(table.address[rows])]
    if len(rows):
        yield from np.split(rows, np.flatnonzero(fresh(table.address[rows]))[1:])


def _mixed(key: Integers, who: Integers, kind: Integers) -> Mask:
    """For each key whether several parties met there, with a change that is not only atomic.

    No sorting: each writes its name on the key, and who finds another's there was not alone.
    """
    last = np.zeros(int(key.max(initial=-1)) + 1, np.int64)
    several, changed, plain = (np.zeros(len(last), np.bool_) for _ in range(3))
    last[key] = who
    several[key[last[key] != who]] = True
    changed[key[kind != READ]] = True
    plain[key[kind != ATOMIC]] = True
    return several & changed & plain


def _pair(table: Table, rows: Integers) -> tuple[int, int] | None:
    """Two accesses of an element that nothing orders."""
    if len(rows) > PAIRS:
        keys = np.stack([table.turn[rows], table.kind[rows]])
        rows = rows[np.unique(keys, axis=1, return_index=True)[1]]
    rows = np.sort(rows)
    # A pair is a plain write and anything, or a plain read and an atomic operation.
    for sought, against in ((WRITE, (READ, WRITE, ATOMIC)), (READ, (ATOMIC,))):
        others = [int(row) for row in rows if table.kind[row] in against]
        for one in [int(row) for row in rows if others and table.kind[row] == sought][:PAIRS]:
            for other in others:
                if table.thread[other] == table.thread[one]:
                    continue
                first, second = sorted((one, other))
                if not _ordered(table, int(table.turn[first]), int(table.turn[second])):
                    return one, other
    return None


def _ordered(table: Table, serial: int, later: int) -> bool:
    """Whether what was done in one turn is known in another, which came later in this schedule."""
    first, second = (Turn(*table.turns[turn].tolist()) for turn in (serial, later))
    (block, warp), (their_block, their_warp) = table.shape.home(first.thread), table.shape.home(second.thread)
    then = (first.epoch, first.warp_epoch)
    if block == their_block and first.epoch < second.epoch:
        return True
    if warp == their_warp and then < (second.epoch, second.warp_epoch):
        return True
    known = table.log.clocks[later] or {}
    return (
        known.get(("t", first.thread), (0,)) > (serial,)
        or known.get(("b", block), (0,)) > (first.epoch,)
        or known.get(("w", warp), (0, 0)) > then
    )


def _finding(table: Table, pair: tuple[int, int], rows: Integers) -> Finding:
    write, other = pair
    kinds = set(table.kind[rows].tolist())
    # Values are kept in the order of the writes.
    writes = np.searchsorted(np.flatnonzero(table.kind == WRITE), rows[table.kind[rows] == WRITE])
    written = {repr(table.log.values[number]) for number in writes.tolist()}
    harmless = kinds == {WRITE} and len(written) == 1
    who, whom, element = table.who(write), table.who(other), table.element(write)
    does = "writes" if table.kind[write] == WRITE else "reads"
    did = {READ: "reads it", WRITE: "writes it, too", ATOMIC: "changes it by an atomic operation"}
    lines = table.line(write), table.line(other)
    at = "" if lines[0].number == lines[1].number else f" in line {lines[1].number}"
    space = "shared" if table.region_of(write).shared else "global"
    message = (
        f"{who.capitalize()} {does} {element} ({space} memory) and {whom} {did[int(table.kind[other])]}{at}, "
        f"and nothing keeps them apart{_advice(table, pair, rows, harmless)}"
    )
    return Finding(
        RACE,
        message,
        lines[0],
        table.region_of(write).name,
        element,
        (who, whom),
        WARNING if harmless else ERROR,
    )


def _advice(table: Table, pair: tuple[int, int], rows: Integers, harmless: bool) -> str:
    size = table.shape.threads
    apart = table.thread[pair[0]] // size != table.thread[pair[1]] // size
    blocks = table.thread[rows] // size
    if harmless:
        return ": both write the same value, which mostly goes well, but one of them is enough"
    if (table.kind[list(pair)] == ATOMIC).any() and (blocks != blocks[0]).any():
        return ": atomic and other operations on one element don't mix"
    both = set(table.thread[rows[table.kind[rows] == WRITE]].tolist())
    same_line = table.line(pair[0]).number == table.line(pair[1]).number
    if same_line and table.thread[pair[1]] in both and (table.kind[rows] == READ).any():
        return (
            ": when both read, change and write at once, one change is lost. That takes an atomic operation"
        )
    if apart:
        return ": threads of different blocks can't wait for each other with a barrier"
    return ": between the two there must be a barrier, cuda.syncthreads()"
