"""A simulator and sanitizer for `numba.cuda` kernels without a GPU or CUDA."""

from hpcampus_kernels.simulator.findings import Finding
from hpcampus_kernels.simulator.launch import output, simulate, undefined
from hpcampus_kernels.simulator.report import Measure, Report
from hpcampus_kernels.simulator.sanitize import sanitize
from hpcampus_kernels.simulator.values import UnsupportedError

__all__ = ["Finding", "Measure", "Report", "UnsupportedError", "output", "sanitize", "simulate", "undefined"]
