"""How well warps use memory, line by line.

The lanes of a warp run an instruction together: the n-th time each lane comes to it is one *request*. Global
memory answers a request in sectors of 32 bytes; shared memory has 32 banks of 4 bytes, and lanes that want
different words of one bank wait for each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hpcampus_kernels.simulator.grouping import Mask, fresh, lengths, ranked, requests
from hpcampus_kernels.simulator.log import ATOMIC, KINDS, Integers
from hpcampus_kernels.simulator.report import SECTOR, Measure
from hpcampus_kernels.simulator.table import Table

BANKS, WORD = 32, 4


def measures(table: Table) -> Iterator[Measure]:
    """One for each instruction and each array that it touches, in global or shared memory."""
    if not len(table.address):
        return
    traffic = _traffic(table)
    shared = traffic.shared[traffic.use]
    rounds, sectors = traffic.bank_rounds(), traffic.pieces(SECTOR)
    words = -(-traffic.pieces(WORD) // BANKS)
    fewest = -(-traffic.pieces(1) * traffic.size[traffic.use] // SECTOR)
    sums = [np.ones_like(words), np.where(shared, rounds, sectors), np.where(shared, words, fewest)]
    columns = [traffic.by_use(values).tolist() for values in (*sums, _lanes(table, traffic.warp))]
    meeting = traffic.most_alike().tolist()
    for use, (rows, *numbers) in enumerate(zip(traffic.rows(), *columns, strict=True)):
        first, (count, transfers, ideal, lanes) = int(rows[0]), numbers
        yield Measure(
            table.line(first),
            table.region_of(first).name,
            "shared" if traffic.shared[use] else "global",
            KINDS[table.kind[first]],
            count,
            transfers,
            ideal,
            len(rows) * int(traffic.size[use]),
            len(rows) / lanes,
            meeting[use] if traffic.atomic[use] else 0,
            _example(table, traffic.together(use)),
        )


@dataclass(frozen=True)
class _Traffic:
    """All requests of a launch, by use: an instruction and an array.

    `order` has the accesses by use and thread, `starts` where the accesses of a use begin there, and
    `request` the request of each. `place` has the bytes that were asked for, and `of` the request of each,
    both sorted by request and place. `use` and `warp` are of requests; `shared`, `atomic` and `size` (of one
    access, in bytes) of uses.
    """

    order: Integers
    starts: Integers
    request: Integers
    of: Integers
    place: Integers
    use: Integers
    warp: Integers
    shared: Mask
    atomic: Mask
    size: Integers

    def pieces(self, unit: int) -> Integers:
        """For each request how many pieces of so many bytes it touches."""
        return np.bincount(self.of[fresh(self.of, self.place // unit)], minlength=len(self.use))

    def bank_rounds(self) -> Integers:
        """For each request the turns that its lanes take: as many as there are words of one bank."""
        word = self.place // WORD
        new = fresh(self.of, word) & self.shared[self.use][self.of]
        bank = np.sort(self.of[new] * BANKS + word[new] % BANKS)
        first, rounds = fresh(bank), np.zeros(len(self.use), np.int64)
        np.maximum.at(rounds, bank[first] // BANKS, lengths(first))
        return rounds

    def most_alike(self) -> Integers:
        """For each use with atomic operations the most lanes of a request that met at one element."""
        atomic = np.flatnonzero(self.atomic[self.use][self.of])
        of = self.of[atomic]
        new, most = fresh(of, self.place[atomic]), np.zeros(len(self.size), np.int64)
        np.maximum.at(most, self.use[of[new]], lengths(new))
        return most

    def by_use(self, values: Integers) -> Integers:
        """The sum over the requests of each use."""
        sums: Integers = np.add.reduceat(values, np.flatnonzero(fresh(self.use)))
        return sums

    def rows(self) -> list[Integers]:
        """The accesses of each use."""
        return np.split(self.order, self.starts[1:])

    def together(self, use: int) -> Integers:
        """The accesses of the first request of a use, by lane."""
        ends = [*self.starts[1:].tolist(), len(self.order)]
        start, end = int(self.starts[use]), ends[use]
        first: Mask = self.request[start:end] == self.request[start]
        rows: Integers = self.order[start:end][first]
        return rows


def _traffic(table: Table) -> _Traffic:
    labels = [(region.name, region.shared) for region in table.log.regions]
    label = np.array([labels.index(one) for one in labels])[table.regions]
    _, use_of_access = ranked(table.site * len(labels) + label[table.address])
    order, request, use, warp = requests(use_of_access, table.thread, table.shape)
    place = table.bytes[table.address[order]]
    bits = int(place.max()).bit_length()
    both = np.sort(request << bits | place)
    starts = np.flatnonzero(fresh(use_of_access[order]))
    rows = order[starts].tolist()
    shared = np.array([table.region_of(row).shared for row in rows])
    size = np.array([_bytes_of(table, row) for row in rows])
    of, place = both >> bits, both & (1 << bits) - 1
    return _Traffic(order, starts, request, of, place, use, warp, shared, table.kind[rows] == ATOMIC, size)


def _bytes_of(table: Table, row: int) -> int:
    """What one access moves: an element, or a field of a record."""
    region = table.region_of(row)
    return region.leaves[(int(table.address[row]) - region.base) % region.width].itemsize


def _lanes(table: Table, warp: Integers) -> Integers:
    """The lanes of each request, whether they took part or not; the last warp of a block may be short."""
    shape = table.shape
    per_block = -(-shape.threads // shape.warpsize)
    short = shape.threads - (per_block - 1) * shape.warpsize
    return np.where(warp % per_block == per_block - 1, short, shape.warpsize)


def _example(table: Table, rows: Integers) -> tuple[tuple[int, int, str], ...]:
    lanes = table.thread[rows] % table.shape.threads % table.shape.warpsize
    places = table.bytes[table.address[rows]]
    elements = map(table.element, rows.tolist())
    return tuple(zip(lanes.tolist(), places.tolist(), elements, strict=True))
