"""The steps end at 16 lanes: in a warp of 64 the upper half never hears of the lower one."""

from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ALL, ZERO

FINDING = "warp"


@cuda.jit
def scan(x: Array, out: Array) -> None:
    # The first warp of a block does a row, all by itself.
    lane, rows, columns = cuda.threadIdx.x, x.shape[0], x.shape[1]
    if lane < cuda.warpsize:
        for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
            carry = ZERO
            for start in range(0, columns, cuda.warpsize):
                i = start + lane
                value = x[row, i] if i < columns else ZERO
                for step in (1, 2, 4, 8, 16):
                    below = cuda.shfl_up_sync(ALL, value, step)
                    value += below if lane >= step else ZERO
                if i < columns:
                    out[row, i] = carry + value
                carry += cuda.shfl_sync(ALL, value, cuda.warpsize - 1)
