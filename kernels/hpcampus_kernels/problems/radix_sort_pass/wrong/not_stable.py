"""An atomic counter gives each key a place of its own, but keys that agree change their order."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.radix_sort_pass import DIGITS
from hpcampus_kernels.problems.radix_sort_pass.gpu import starts

FINDING = "schedule"


@cuda.jit
def radix_sort_pass(keys: Array, shift: int, out: Array) -> None:
    start = cuda.shared.array(DIGITS, np.int32)
    rows, columns = keys.shape
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        starts(keys, row, shift, start)
        for i in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            place = cuda.atomic.add(start, (keys[row, i] >> shift) % DIGITS, 1)
            out[row, place] = keys[row, i]
        cuda.syncthreads()
