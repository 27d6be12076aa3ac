"""Data races: two threads touch one element, one of them changes it, and nothing orders the two.

Two atomic operations are no race; an atomic operation and a plain access are.

All accesses to one element form a group. Within a group, what a barrier separates is ordered. So a conflict
can only be between two blocks; between two warps of a block in the same epoch of the block; or between two
lanes of a warp in the same epoch of the warp. NumPy finds these candidates for all elements at once; only if
a candidate's threads also exchanged something by atomic operations are its pairs looked at one by one.
The rule needs no luck: it holds for every schedule, whatever came out in this one (happens-before: Lamport
1978; epochs: FastTrack, Flanagan and Freund 2009).
"""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.findings import ERROR, RACE, WARNING, Finding
from hpcampus_kernels.simulator.log import ATOMIC, READ, WRITE, Integers, Turn
from hpcampus_kernels.simulator.table import Table

# Accesses of one element that are compared pair by pair; beyond it, the first of each thread and kind.
PAIRS = 400


def races(table: Table) -> Iterator[Finding]:
    """One finding for each pair of lines."""
    if not (table.kind != READ).any():
        return
    order, starts = _groups(table)
    values = _values(table)
    seen: set[tuple[int, int]] = set()
    for start, end in starts:
        rows = order[start:end]
        sites = tuple(np.unique(table.site[rows]).tolist())
        if (hash(sites), int(table.region_of(int(rows[0])).shared)) in seen:
            continue
        pair = _pair(table, rows)
        if pair is not None:
            seen.add((hash(sites), int(table.region_of(int(rows[0])).shared)))
            yield _finding(table, pair, rows, values)


def _groups(table: Table) -> tuple[Integers, list[tuple[int, int]]]:
    """Rows sorted by address and epochs, and from where to where the candidates lie."""
    turns = table.log.turns
    columns = np.array([(t.thread, t.epoch, t.warp_epoch) for t in turns], np.int64)
    warps = table.shape.warps(columns[:, 0])
    blocks = columns[:, 0] // table.shape.threads
    rank = np.empty(len(turns), np.int64)
    sorted_turns = np.lexsort((columns[:, 0], columns[:, 2], warps, columns[:, 1], blocks))
    rank[sorted_turns] = np.arange(len(turns))
    order = np.argsort(table.address * len(turns) + rank[table.turn], kind="stable")
    address, turn = table.address[order], table.turn[order]
    kind = table.kind[order]
    thread, epoch, warp_epoch = (columns[turn, i] for i in range(3))
    warp, block = warps[turn], blocks[turn]
    new = np.ones(len(order), np.bool_)
    new[1:] = address[1:] != address[:-1]
    elements = np.flatnonzero(new)
    guilty = _mixed(new, kind, block)
    for keys, who in (((block, epoch), warp), ((block, epoch, warp, warp_epoch), thread)):
        finer = new.copy()
        for key in keys:
            finer[1:] |= key[1:] != key[:-1]
        guilty |= _mixed(finer, kind, who)
    # Candidates are whole elements, so that a read-only group before and after is seen, too.
    ends = np.append(elements[1:], len(order))
    hit = np.logical_or.reduceat(guilty, elements)
    return order, list(zip(elements[hit].tolist(), ends[hit].tolist(), strict=True))


def _mixed(new: "np.ndarray[tuple[int], np.dtype[np.bool_]]", kind: Integers, who: Integers) -> Integers:
    """For each row whether its group has more than one party, and a change that is not only atomic."""
    starts = np.flatnonzero(new)
    several = np.minimum.reduceat(who, starts) != np.maximum.reduceat(who, starts)
    changed = np.maximum.reduceat(kind, starts) != READ
    plain = np.minimum.reduceat(kind, starts) != ATOMIC
    return np.repeat(several & changed & plain, np.diff(np.append(starts, len(who))))


def _pair(table: Table, rows: Integers) -> tuple[int, int] | None:
    """Two accesses of an element that nothing orders."""
    if len(rows) > PAIRS:
        keys = np.stack([table.turn[rows], table.kind[rows]])
        rows = rows[np.unique(keys, axis=1, return_index=True)[1]]
    rows = np.sort(rows)
    turns = table.log.turns
    # A pair is a plain write and anything, or a plain read and an atomic operation.
    for sought, against in ((WRITE, (READ, WRITE, ATOMIC)), (READ, (ATOMIC,))):
        others = [int(row) for row in rows if table.kind[row] in against]
        for one in [int(row) for row in rows if others and table.kind[row] == sought][:PAIRS]:
            for other in others:
                if table.thread[other] == table.thread[one]:
                    continue
                first, second = sorted((one, other))
                if not _ordered(table, turns[table.turn[first]], turns[table.turn[second]]):
                    return one, other
    return None


def _ordered(table: Table, first: Turn, second: Turn) -> bool:
    """Whether what the first did is known to the second, which came later in this schedule."""
    size = table.shape.threads
    block, warp = first.thread // size, int(table.shape.warps(np.int64(first.thread)))  # type: ignore[arg-type]
    then = (first.epoch, first.warp_epoch)
    if block == second.thread // size:
        if first.epoch < second.epoch:
            return True
        same = warp == int(table.shape.warps(np.int64(second.thread)))  # type: ignore[arg-type]
        if same and then < (second.epoch, second.warp_epoch):
            return True
    known = second.clock or {}
    return (
        known.get(("t", first.thread), (0,)) > (first.serial,)
        or known.get(("b", block), (0,)) > (first.epoch,)
        or known.get(("w", warp), (0, 0)) > then
    )


def _values(table: Table) -> dict[int, int]:
    """For the row of each write, where its value is kept."""
    return {int(row): number for number, row in enumerate(np.flatnonzero(table.kind == WRITE))}


def _finding(table: Table, pair: tuple[int, int], rows: Integers, values: dict[int, int]) -> Finding:
    write, other = pair
    kinds = set(table.kind[rows].tolist())
    written = {repr(table.log.values[values[int(row)]]) for row in rows if table.kind[row] == WRITE}
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
    if harmless:
        return ": both write the same value, which mostly goes well, but one of them is enough"
    if (table.kind[rows] == ATOMIC).any():
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
