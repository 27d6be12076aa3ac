"""Right answers at a wasteful price: uncoalesced accesses and bank conflicts are counted for their line."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import simulate
from numba import float32

SIDE = 32
PADDED, TWICE = SIDE + 1, 2 * SIDE * SIDE


def transpose(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    out[x, y] = a[y, x]


def sum_of_rows(a: Any, out: Any) -> None:
    row, t = cuda.threadIdx.y, cuda.threadIdx.x
    out[row, t] = a[t, row]


def strided(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    out[y, x] = a[(x * 8 + y) % SIDE, (x * 8) % SIDE]


def transpose_in_a_tile(a: Any, out: Any) -> None:
    tile = cuda.shared.array((SIDE, SIDE), float32)
    x, y = cuda.grid(2)
    tile[y, x] = a[y, x]
    cuda.syncthreads()
    out[y, x] = tile[x, y]


def tile_with_a_stride_of_two(a: Any, out: Any) -> None:
    tile = cuda.shared.array(TWICE, float32)
    x, y = cuda.grid(2)
    tile[2 * (y * SIDE + x)] = a[y, x]
    out[y, x] = tile[2 * (y * SIDE + x)]


def transpose_in_a_padded_tile(a: Any, out: Any) -> None:
    tile = cuda.shared.array((SIDE, PADDED), float32)
    x, y = cuda.grid(2)
    tile[y, x] = a[y, x]
    cuda.syncthreads()
    out[y, x] = tile[x, y]


@pytest.mark.parametrize(
    ("kernel", "array", "kind", "ratio"),
    [
        (transpose, "out", "write", 8),
        (sum_of_rows, "a", "read", 8),
        (strided, "a", "read", 4),
        (transpose_in_a_tile, "tile", "read", 32),
        (tile_with_a_stride_of_two, "tile", "write", 2),
    ],
)
def test_waste_is_counted(kernel: Any, array: str, kind: str, ratio: float) -> None:
    ratios = measured(kernel)
    assert ratios.pop((array, kind)) == ratio
    assert ratios.pop(("tile", "read"), ratio) == ratio
    assert set(ratios.values()) == {1}


def test_a_padded_tile_wastes_nothing() -> None:
    assert set(measured(transpose_in_a_padded_tile).values()) == {1}


def measured(kernel: Any) -> dict[tuple[str, str], float]:
    a = np.zeros((SIDE, SIDE), np.float32)
    report = simulate(kernel, 1, (SIDE, SIDE), a, np.zeros_like(a))
    assert not report.findings, str(report)
    return {(measure.array, measure.kind): measure.ratio for measure in report.measures}
