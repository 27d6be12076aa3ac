"""Two vectors added on one core."""

from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.compiled import compiled


@compiled
def vector_add(x: Array, y: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = x[i] + y[i]
