"""The sum of a warp starts 16 lanes apart: of a warp with 64 lanes it takes the lower half."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, ZERO

FINDING = "warp"


@cuda.jit
def reduction(x: Array, total: Array) -> None:
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    for step in (16, 8, 4, 2, 1):
        own += cuda.shfl_down_sync(ALL, own, step)
    if cuda.threadIdx.x % cuda.warpsize == 0:
        cuda.atomic.add(total, 0, own)
