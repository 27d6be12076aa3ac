"""How well warps use memory, line by line.

The lanes of a warp run an instruction together: the n-th time each lane comes to it is one *request*. Global
memory answers a request in sectors of 32 bytes; shared memory has 32 banks of 4 bytes, and lanes that want
different words of one bank wait for each other.
"""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.log import ATOMIC, KINDS, Integers
from hpcampus_kernels.simulator.report import SECTOR, Measure
from hpcampus_kernels.simulator.table import Table

BANKS, WORD = 32, 4


def measures(table: Table) -> Iterator[Measure]:
    """One for each instruction that touches global or shared memory."""
    request = occurrence(table.site, table.thread)
    for rows in _split(table.site):
        regions = table.region[rows]
        for number in _first_of_name(table, regions):
            name = table.log.regions[number].name
            same = np.array([region.name == name for region in table.log.regions])
            yield _measure(table, rows[same[regions]], request)


def _first_of_name(table: Table, regions: Integers) -> list[int]:
    names: dict[str, int] = {}
    for number in np.unique(regions).tolist():
        names.setdefault(table.log.regions[number].name, number)
    return list(names.values())


def _split(column: Integers) -> Iterator[Integers]:
    order = np.argsort(column, kind="stable")
    starts = np.unique(column[order], return_index=True)[1]
    yield from np.split(order, starts[1:]) if len(order) else ()


def occurrence(site: Integers, thread: Integers) -> Integers:
    """For each row the n for which it is the n-th of its thread at its site."""
    if not len(site):
        return site
    _, number = np.unique(site, return_inverse=True)
    key = number.astype(np.int64) * (int(thread.max()) + 1) + thread
    order = np.argsort(key, kind="stable")
    new = np.ones(len(order), np.bool_)
    new[1:] = key[order][1:] != key[order][:-1]
    starts = np.flatnonzero(new)
    count = np.empty(len(order), np.int64)
    count[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    return count


def _bytes(table: Table, rows: Integers) -> Integers:
    """Where these accesses lie in their array, or in the shared memory of their block."""
    place = np.empty(len(rows), np.int64)
    regions = table.region[rows]
    for number in np.unique(regions).tolist():
        region, here = table.log.regions[number], regions == number
        place[here] = region.bytes(table.address[rows[here]]) + region.byte_offset
    return place


def _measure(table: Table, rows: Integers, request: Integers) -> Measure:
    region, first = table.region_of(int(rows[0])), int(rows[0])
    warp = table.shape.warps(table.thread[rows])
    _, group = np.unique(warp * (int(request.max()) + 1) + request[rows], return_inverse=True)
    group = group.astype(np.int64)
    size = region.leaves[int(table.address[first] - region.base) % region.width].itemsize
    place = _bytes(table, rows)
    requests = int(group.max()) + 1
    counter = _bank_rounds if region.shared else _sectors
    transfers, ideal = counter(group, place, size, requests)
    kind = int(table.kind[first])
    lanes = _lanes(table, warp, group, requests)
    contention = _most_alike(group, place) if kind == ATOMIC else 0
    example = _example(table, rows[group == group[0]], place[group == group[0]])
    return Measure(
        table.line(first),
        region.name,
        "shared" if region.shared else "global",
        KINDS[kind],
        requests,
        transfers,
        ideal,
        len(rows) * size,
        len(rows) / lanes,
        contention,
        example,
    )


def _example(table: Table, rows: Integers, place: Integers) -> tuple[tuple[int, int, str], ...]:
    shape = table.shape
    lanes = table.thread[rows] % shape.threads % shape.warpsize
    order = np.argsort(lanes)
    return tuple((int(lanes[i]), int(place[i]), table.element(int(rows[i]))) for i in order)


def _lanes(table: Table, warp: Integers, group: Integers, requests: int) -> int:
    """The lanes of all requests, whether they took part or not; the last warp of a block may be short."""
    owner = np.zeros(requests, np.int64)
    owner[group] = warp
    shape = table.shape
    per_block = -(-shape.threads // shape.warpsize)
    short = shape.threads - (per_block - 1) * shape.warpsize
    return int(np.where(owner % per_block == per_block - 1, short, shape.warpsize).sum())


def _distinct(group: Integers, place: Integers) -> Integers:
    """Group and place in one number, each once."""
    span = int(place.max()) + 1
    return np.unique(group * span + place)


def _sectors(group: Integers, place: Integers, size: int, requests: int) -> tuple[int, int]:
    sectors = len(_distinct(group, place // SECTOR))
    distinct = _distinct(group, place) // (int(place.max()) + 1)
    needed = np.bincount(distinct, minlength=requests) * size
    return sectors, int((-(-needed // SECTOR)).sum())


def _bank_rounds(group: Integers, place: Integers, size: int, requests: int) -> tuple[int, int]:
    word = place // WORD
    span = int(word.max()) + 1
    pairs = _distinct(group, word)
    banks, counts = np.unique(pairs // span * BANKS + pairs % span % BANKS, return_counts=True)
    rounds = np.zeros(requests, np.int64)
    np.maximum.at(rounds, banks // BANKS, counts)
    words = np.bincount(pairs // span, minlength=requests)
    return int(rounds.sum()), int((-(-words // BANKS)).sum())


def _most_alike(group: Integers, place: Integers) -> int:
    span = int(place.max()) + 1
    return int(np.unique(group * span + place, return_counts=True)[1].max())
