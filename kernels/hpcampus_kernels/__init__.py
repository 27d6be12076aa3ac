"""Numba kernels in three versions each, and the checks behind the GPU exercises."""
