"""A thread adds to its own place while another one still reads the old sum there."""

import numpy as np
from hpcampus_kernels.backend import cuda
from hpcampus_kernels.problem import Array
from hpcampus_kernels.problems.reduction.gpu import ZERO

FINDING = "race"
MOST_THREADS = 1024


@cuda.jit
def scan(x: Array, out: Array) -> None:
    part = cuda.shared.array(MOST_THREADS, np.float32)
    rows, columns = x.shape
    t = cuda.threadIdx.x
    for row in range(cuda.blockIdx.x, rows, cuda.gridDim.x):
        carry = ZERO
        for start in range(0, columns, cuda.blockDim.x):
            part[t] = x[row, start + t] if start + t < columns else ZERO
            step = 1
            while step < cuda.blockDim.x:
                cuda.syncthreads()
                if t >= step:
                    part[t] += part[t - step]
                step *= 2
            cuda.syncthreads()
            if start + t < columns:
                out[row, start + t] = carry + part[t]
            carry += part[cuda.blockDim.x - 1]
            cuda.syncthreads()
