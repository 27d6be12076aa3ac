"""All pairs on one core: a body at a time, and the others in vectors."""

import math

import numpy as np

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled
from hpcampus_kernels.problems.n_body import SOFTENING


@compiled
def n_body(bodies: Array, pull: Array) -> None:
    xs, ys, zs, masses = bodies[0], bodies[1], bodies[2], bodies[3]
    for i in range(masses.size):
        x, y, z = xs[i], ys[i], zs[i]
        ax, ay, az = np.float32(0), np.float32(0), np.float32(0)
        for j in range(masses.size):
            dx, dy, dz = xs[j] - x, ys[j] - y, zs[j] - z
            squared = dx * dx + dy * dy + dz * dz + SOFTENING
            weight = masses[j] / (squared * math.sqrt(squared))
            ax += dx * weight
            ay += dy * weight
            az += dz * weight
        pull[0, i], pull[1, i], pull[2, i] = ax, ay, az
