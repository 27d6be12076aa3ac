"""What is counted: operations by line, decisions at branches, and operations for each byte moved."""

import math
from typing import Any

import numpy as np
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import Report, simulate
from numba import float32
from right_kernels import tiled_matmul

N = 64


def by_text(report: Report) -> dict[str, int]:
    return {line.text.rpartition("# ")[2]: count for line, count in report.flops.items()}


def test_operations_are_counted_by_line() -> None:
    def kernel(x: Any, out: Any) -> None:
        i = cuda.grid(1) * 2 // 2
        a = x[i] * x[i] + float32(1)  # two
        out[i] = math.sqrt(a) - i  # two more
        for _ in range(3):
            out[i] += a  # three rounds
        if a > 1 and a * a < 0:  # test
            out[i] = a + a
        b = a + 1 if i < 32 else a  # half
        out[i] = cuda.fma(a, a, b)  # fused

    report = simulate(kernel, 2, 32, np.ones(N, np.float32), np.ones(N, np.float32))
    assert by_text(report) == {
        "two": 2 * N,
        "two more": 2 * N,
        "three rounds": 3 * N,
        "test": N,
        "half": N // 2,
        "fused": 2 * N,
    }


def test_a_tiled_product_has_its_operations_and_its_intensity() -> None:
    n, tile = 32, 8
    a = np.ones((n, n), np.float32)
    report = simulate(tiled_matmul(tile), (n // tile, n // tile), (tile, tile), a, a, a.copy())
    assert sum(report.flops.values()) == 2 * n**3
    # Each tile is read n / tile times, and the result is written once.
    assert report.bytes_moved == 4 * (2 * n**3 // tile + n**2)
    assert report.intensity == 2 * n**3 / report.bytes_moved
    assert f"{2 * n**3} floating-point operations" in str(report)


def test_operations_in_device_functions_and_of_unknown_types_count() -> None:
    @cuda.jit(device=True)
    def scaled(value: Any) -> Any:
        return value * value  # inner

    def kernel(x: Any, out: Any) -> None:
        total = float32(0)
        for value in (x[0], 1, scaled(x[1])):
            total += value  # mixed
        out[0] = total

    report = simulate(kernel, 1, 1, np.ones(2, np.float32), np.ones(1))
    assert by_text(report) == {"inner": 1, "mixed": 3}


def test_without_measures_nothing_is_counted() -> None:
    report = simulate(tiled_matmul(2), 1, (2, 2), *[np.ones((2, 2), np.float32)] * 3, check=["races"])
    assert (dict(report.flops), report.branches, report.intensity) == ({}, (), None)


def decided(kernel: Any) -> list[tuple[int, int]]:
    report = simulate(kernel, 1, N, np.zeros(N, np.float32))
    return [(branch.decisions, branch.parted) for branch in report.branches]


def by_lane(out: Any) -> None:
    if cuda.threadIdx.x % 2:
        out[cuda.threadIdx.x] = 1


def by_warp(out: Any) -> None:
    if cuda.threadIdx.x < 32:
        out[cuda.threadIdx.x] = 1


def by_round(out: Any) -> None:
    for _ in range(cuda.threadIdx.x // 16):
        out[cuda.threadIdx.x] += 1


def by_three_ends(out: Any) -> None:
    lane = cuda.laneid
    for _ in range(0 if lane < 10 else 1 if lane < 20 else 4):
        out[cuda.threadIdx.x] += 1


def by_break(out: Any) -> None:
    for k in range(9):
        if k == 4:
            break
        out[cuda.threadIdx.x] += 1


def while_lanes_last(out: Any) -> None:
    n = cuda.laneid
    while n > 30:
        n -= 1
    out[cuda.threadIdx.x] = n


def test_lanes_that_part_ways_are_counted() -> None:
    assert decided(by_lane) == [(2, 2)]
    assert decided(by_warp) == [(2, 0)]
    # The first warp's lanes go 0 or 1 rounds, the second's 2 or 3; a last decision ends each.
    assert decided(by_round) == [(2 + 4, 2)]
    # Two warps; some leave after no round, some after one, the others after four.
    assert decided(by_three_ends) == [(2 * 5, 2 * 2)]
    assert decided(by_break) == [(2 * 5, 0), (2 * 5, 0)]
    assert decided(while_lanes_last) == [(4, 2)]


def test_the_report_names_the_branch() -> None:
    def kernel(out: Any) -> None:
        if cuda.threadIdx.x < 20:
            out[cuda.threadIdx.x] = 1

    report = simulate(kernel, 1, N, np.zeros(N, np.float32))
    assert "if cuda.threadIdx.x < 20:: lanes part ways in 1 of 2 decisions" in str(report)
    assert "<caption>Branches at which lanes of a warp part ways</caption>" in report._repr_html_()
