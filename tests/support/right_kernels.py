"""Right kernels of any size that tests and benchmarks share."""

from typing import Any

from hpcampus_kernels import cuda
from numba import float32


def tiled_matmul(side: int) -> Any:
    """A kernel (a, b, c) for c = a b, in blocks of (side, side) threads; the arrays may be ragged."""

    def matmul(a: Any, b: Any, c: Any) -> None:
        tile_a = cuda.shared.array((side, side), float32)
        tile_b = cuda.shared.array((side, side), float32)
        column, row = cuda.grid(2)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        total = float32(0)
        for start in range(0, a.shape[1], side):
            tile_a[y, x] = a[row, start + x] if row < a.shape[0] and start + x < a.shape[1] else float32(0)
            tile_b[y, x] = (
                b[start + y, column] if start + y < b.shape[0] and column < b.shape[1] else float32(0)
            )
            cuda.syncthreads()
            for k in range(side):
                total += tile_a[y, k] * tile_b[k, x]
            cuda.syncthreads()
        if row < c.shape[0] and column < c.shape[1]:
            c[row, column] = total

    return matmul


def inclusive_scan(size: int) -> Any:
    """A kernel (x, out) for the running sums of one block of `size` threads."""

    def scan(x: Any, out: Any) -> None:
        part = cuda.shared.array(size, float32)
        t = cuda.threadIdx.x
        part[t] = x[t]
        cuda.syncthreads()
        step = 1
        while step < size:
            before = part[t - step] if t >= step else float32(0)
            cuda.syncthreads()
            part[t] += before
            cuda.syncthreads()
            step *= 2
        out[t] = part[t]

    return scan
