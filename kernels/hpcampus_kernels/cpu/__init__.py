"""Kernels at the full speed of a CPU: the same source and launch shape, compiled for the processor."""

from hpcampus_kernels.cpu.launch import CpuKernel, on_cpu

__all__ = ["CpuKernel", "on_cpu"]
