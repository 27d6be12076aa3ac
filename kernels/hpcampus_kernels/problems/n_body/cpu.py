"""All pairs on one core, each pair once: what pulls one body this way pulls the other that way (Newton)."""

import math

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.n_body import SOFTENING

# Bodies whose four quantities and three pulls stay in the first cache: 7 KiB.
TILE = 256


@compiled
def pairs(i: int, bodies: Array, pull: Array, tile: Array, pulls: Array) -> None:
    """The pull between a body and those of a tile, for both sides."""
    x, y, z, mass = bodies[0, i], bodies[1, i], bodies[2, i], bodies[3, i]
    ax, ay, az = np.float32(0), np.float32(0), np.float32(0)
    for j in range(TILE):
        dx, dy, dz = tile[j] - x, tile[j + TILE] - y, tile[j + 2 * TILE] - z
        squared = dx * dx + dy * dy + dz * dz + SOFTENING
        weight = np.float32(1) / (squared * math.sqrt(squared))
        mine, theirs = tile[j + 3 * TILE] * weight, mass * weight
        ax += dx * mine
        ay += dy * mine
        az += dz * mine
        pulls[j] -= dx * theirs
        pulls[j + TILE] -= dy * theirs
        pulls[j + 2 * TILE] -= dz * theirs
    pull[0, i] += ax
    pull[1, i] += ay
    pull[2, i] += az


@compiled
def within(i: int, bodies: Array, pull: Array, tile: Array) -> None:
    """The pull of the bodies of a tile on one of them."""
    x, y, z = bodies[0, i], bodies[1, i], bodies[2, i]
    ax, ay, az = np.float32(0), np.float32(0), np.float32(0)
    for j in range(TILE):
        dx, dy, dz = tile[j] - x, tile[j + TILE] - y, tile[j + 2 * TILE] - z
        squared = dx * dx + dy * dy + dz * dz + SOFTENING
        weight = tile[j + 3 * TILE] / (squared * math.sqrt(squared))
        ax += dx * weight
        ay += dy * weight
        az += dz * weight
    pull[0, i] += ax
    pull[1, i] += ay
    pull[2, i] += az


@compiled
def n_body(bodies: Array, pull: Array) -> None:
    count = bodies.shape[1]
    # Each as one array, row after row: then the compiler knows which elements are apart.
    tile, pulls = np.empty(4 * TILE, np.float32), np.empty(3 * TILE, np.float32)
    pull[:] = 0
    for first in range(0, count, TILE):
        size = min(TILE, count - first)
        # Behind the end lie bodies without mass, which pull nobody.
        tile[:], pulls[:] = 0, 0
        for row in range(4):
            for j in range(size):
                tile[row * TILE + j] = bodies[row, first + j]
        for i in range(first):
            pairs(i, bodies, pull, tile, pulls)
        for i in range(first, first + size):
            within(i, bodies, pull, tile)
        for row in range(3):
            for j in range(size):
                pull[row, first + j] += pulls[row * TILE + j]
