"""Elements that were read before anybody wrote them, never written, or written more than once."""

from collections.abc import Iterator

import numpy as np

from hpcampus_kernels.simulator.findings import REPEATED, UNINITIALISED, UNWRITTEN, Finding
from hpcampus_kernels.simulator.log import READ, WRITE, Region, named
from hpcampus_kernels.simulator.table import Table


def uninitialised(table: Table) -> Iterator[Finding]:
    """The first access of an element that nobody set is no write."""
    undefined = np.array([not region.defined for region in table.log.regions] or [False])
    rows = np.flatnonzero(undefined[table.regions][table.address])
    first = np.full(table.log.addresses, -1)
    first[table.address[rows[::-1]]] = rows[::-1]  # the last that is put there stays: the earliest access
    early = np.sort(first[first >= 0])
    early = early[table.kind[early] != WRITE]
    _, places, counts = np.unique(table.site[early], return_index=True, return_counts=True)
    for place, count in zip(places, counts, strict=True):
        row = int(early[place])
        region, who, element = table.region_of(row), table.who(row), table.element(row)
        start = "Shared memory" if region.shared else "A new array"
        did = "reads" if table.kind[row] == READ else "changes"
        message = (
            f"{who.capitalize()} {did} {element}, which nobody has written yet. "
            f"{start} starts with anything, not with 0"
        )
        yield Finding(UNINITIALISED, message, table.line(row), region.name, element, (who,), count=int(count))


def coverage(table: Table) -> Iterator[Finding]:
    """Of the arrays whose every element is to be written once."""
    for number, region in enumerate(table.log.regions):
        if region.covered:
            rows = np.flatnonzero((table.kind != READ) & (table.regions == number)[table.address])
            yield from _missing(region, table.address[rows] - region.base)
            yield from _repeated(table, region, rows[table.kind[rows] == WRITE])


def _missing(region: Region, written: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Iterator[Finding]:
    missing = np.ones(region.size, np.bool_)
    missing[written] = False
    if missing.any():
        place = tuple(int(i) for i in np.unravel_index(int(missing.argmax()), region.shape))
        element, count = named(region.name, place), int(missing.sum())
        message = f"{count} of {region.size} elements of {region.name} were never written, first {element}"
        yield Finding(UNWRITTEN, message, None, region.name, element)


def _repeated(
    table: Table, region: Region, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Iterator[Finding]:
    pairs = np.unique(np.stack([table.address[rows], table.thread[rows]]), axis=1)
    elements, counts = np.unique(pairs[0], return_counts=True)
    if not (counts > 1).any():
        return
    place = int((counts > 1).argmax())
    threads = [table.shape.name(t) for t in pairs[1][pairs[0] == elements[place]][:2]]
    element = region.element(int(elements[place]))
    row = int(rows[table.address[rows] == elements[place]][0])
    message = (
        f"{element} was written by {counts[place]} threads, {threads[0]} and {threads[1]} among them; "
        f"{(counts > 1).sum()} of {region.size} elements were done more than once"
    )
    yield Finding(REPEATED, message, table.line(row), region.name, element, tuple(threads))
