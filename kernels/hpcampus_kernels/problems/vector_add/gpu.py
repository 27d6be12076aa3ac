"""Two vectors added on a GPU."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array


@cuda.jit
def vector_add(x: Array, y: Array, out: Array) -> None:
    i = cuda.grid(1)
    # The last block is rarely full: without the guard its spare threads would leave the arrays.
    if i < out.size:
        out[i] = x[i] + y[i]
