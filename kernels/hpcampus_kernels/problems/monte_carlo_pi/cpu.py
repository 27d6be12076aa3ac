"""Darts on one core: in 32 bits without a sign, so that a vector holds as many as it can."""

from typing import Any

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.monte_carlo_pi import BITS, LOW

CHUNK = 4096


@compiled
def lands_inside(number: np.uint32) -> np.bool_:
    # `mix` once more: an unsigned number of 32 bits needs no mask, it drops what is too much by itself.
    number = np.uint32((number ^ (number >> np.uint32(16))) * np.uint32(0x7FEB352D))
    number = np.uint32((number ^ (number >> np.uint32(15))) * np.uint32(0x846CA68B))
    place = np.uint32(number ^ (number >> np.uint32(16)))
    x, y = np.uint32(place & np.uint32(LOW)), np.uint32(place >> np.uint32(BITS))
    square = np.uint32(x * x)
    # x^2 + y^2 < 2^32, where the sum may not fit: y^2 must fit above x^2.
    return np.uint32(y * y) <= np.uint32(~square)


@compiled
def monte_carlo_pi(seed: int, darts: int, hits: Array) -> None:
    total = 0
    for start in range(0, darts, CHUNK):
        count: Any = np.int32(0)
        for i in range(start, min(start + CHUNK, darts)):
            count += np.int32(lands_inside(np.uint32(np.uint32(i) ^ np.uint32(seed))))
        total += count
    hits[0] += total
