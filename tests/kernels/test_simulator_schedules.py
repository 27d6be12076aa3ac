"""Results that depend on the order of threads, or on warps of 32."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import sanitize
from planted import NUMBERS, new

N = 64


def warp_sum_of_32(x: Any, out: Any) -> None:
    value = x[cuda.grid(1)]
    offset = 16
    while offset > 0:
        value += cuda.shfl_down_sync(0xFFFFFFFF, value, offset)
        offset //= 2
    if cuda.laneid == 0:
        cuda.atomic.add(out, 0, value)


def lane_by_32(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    bits = cuda.ballot_sync(0xFFFFFFFF, x[i] > 0)
    if i % 32 == 0:
        out[i // 32] = cuda.popc(bits)


def first_come_first_served(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if x[i] > 0:
        place = cuda.atomic.add(out, 0, 1)
        out[1 + int(place)] = i


def last_one_wins(x: Any, out: Any) -> None:
    cuda.atomic.exch(out, 0, cuda.grid(1))


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (warp_sum_of_32, [NUMBERS, new(1)]),
        (lane_by_32, [NUMBERS - 50, np.zeros(2, np.int32)]),
    ],
)
def test_a_warp_is_not_always_32_threads(kernel: Any, arguments: list[Any]) -> None:
    report = sanitize(kernel, 1, N, *arguments)
    assert "warp" in report.kinds(), str(report)
    assert "warps of 64 threads" in str(report)


@pytest.mark.parametrize(
    ("kernel", "out"), [(first_come_first_served, np.zeros(N + 1, np.int32)), (last_one_wins, new(1))]
)
def test_a_result_that_depends_on_the_schedule(kernel: Any, out: Any) -> None:
    report = sanitize(kernel, 2, 32, NUMBERS - 50, out, warpsizes=[32])
    assert report.kinds() == {"schedule"}, str(report)
