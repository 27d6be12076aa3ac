"""Numba kernels in three versions each, and the checks behind the GPU exercises.

Import this before `numba.cuda`, so that it can choose between a GPU and the simulator.
"""

from hpcampus_kernels.backend import SIMULATED, cuda, device
from hpcampus_kernels.check import check
from hpcampus_kernels.problem import Case, Problem
from hpcampus_kernels.problems import PROBLEMS
from hpcampus_kernels.verdict import CheckFailedError, Point, Verdict

__all__ = [
    "PROBLEMS",
    "SIMULATED",
    "Case",
    "CheckFailedError",
    "Point",
    "Problem",
    "Verdict",
    "check",
    "cuda",
    "device",
]
