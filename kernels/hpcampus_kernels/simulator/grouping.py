"""Rows in groups, with NumPy: what all detectors and measures do with the log of a launch.

A launch of a lesson makes some hundred thousand accesses, so that every pass over them counts. Sorting is
the dear one. Where numbers are small, NumPy sorts them by their digits, and that is quick.
"""

import numpy as np
from numpy.typing import NDArray

from hpcampus_kernels.simulator.log import Integers
from hpcampus_kernels.simulator.table import Shape

Mask = NDArray[np.bool_]


def by(*columns: Integers) -> Integers:
    """The order of the rows by the first column, then by the next; equal rows stay as they are."""
    order = _sorted(columns[-1])
    for column in reversed(columns[:-1]):
        order = order[_sorted(column[order])]
    return order


def _sorted(column: Integers) -> Integers:
    top = int(column.max(initial=0))
    kind = np.uint8 if top < 1 << 8 else np.uint16 if top < 1 << 16 else np.int64
    return np.argsort(column.astype(kind, copy=False), kind="stable")


def fresh(*columns: Integers) -> Mask:
    """Of sorted rows those that begin a group: they differ from the row before."""
    new = np.zeros(len(columns[0]), np.bool_)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return new


def lengths(new: Mask) -> Integers:
    """How many rows each group has."""
    return np.diff(np.append(np.flatnonzero(new), len(new)))


def places(new: Mask) -> Integers:
    """For each row its number in its group, from 0."""
    return np.arange(len(new)) - np.repeat(np.flatnonzero(new), lengths(new))


def dense(key: Integers) -> Integers:
    """The same groups by numbers that are not much larger than their count."""
    if int(key.max(initial=0)) <= 8 * len(key):
        return key
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def ranked(key: Integers) -> tuple[Integers, Integers]:
    """The different keys, which are small, and for each row the place of its own among them."""
    present = np.bincount(key) > 0
    return np.flatnonzero(present), (np.cumsum(present) - 1)[key]


def requests(site: Integers, thread: Integers, shape: Shape) -> tuple[Integers, Integers, Integers, Integers]:
    """What a warp does together: the n-th time that each lane comes to a site.

    Gives an order of the rows, by site and thread; the request of each row in that order; and for each
    request its site and its warp. Requests are numbered site by site.
    """
    order = by(site, thread)
    site, thread = site[order], thread[order]
    warp = shape.warps(thread)
    place, new = places(fresh(site, thread)), fresh(site, warp)
    starts = np.flatnonzero(new)
    if not len(starts):
        return order, place, site, warp
    # A warp has as many requests at a site as the lane that comes there most often.
    most = np.maximum.reduceat(place, starts) + 1
    request = np.repeat(np.cumsum(most) - most, lengths(new)) + place
    return order, request, np.repeat(site[starts], most), np.repeat(warp[starts], most)
