"""Counting from the end gives spare threads a negative index, which a GPU takes without a word."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "outside"


@cuda.jit
def vector_add(x: Array, y: Array, out: Array) -> None:
    i = out.size - 1 - cuda.grid(1)
    out[i] = x[i] + y[i]
