"""The guard lets one thread too many through: the last index is the size minus one."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array

FINDING = "outside"


@cuda.jit
def vector_add(x: Array, y: Array, out: Array) -> None:
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = x[i] + y[i]
