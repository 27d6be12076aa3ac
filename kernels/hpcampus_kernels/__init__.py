"""Numba kernels in three versions each, and the checks behind the GPU exercises."""

from hpcampus_kernels.backend import SIMULATED, cuda, device
from hpcampus_kernels.check import check
from hpcampus_kernels.cpu import on_cpu
from hpcampus_kernels.inspection import Inspection, inspect
from hpcampus_kernels.portability import Remark, portable
from hpcampus_kernels.problem import Case, Problem
from hpcampus_kernels.problems import PROBLEMS
from hpcampus_kernels.verdict import CheckFailedError, Point, Verdict

__all__ = [
    "PROBLEMS",
    "SIMULATED",
    "Case",
    "CheckFailedError",
    "Inspection",
    "Point",
    "Problem",
    "Remark",
    "Verdict",
    "check",
    "cuda",
    "device",
    "inspect",
    "on_cpu",
    "portable",
]
