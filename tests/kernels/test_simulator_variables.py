"""A variable of several types in one kernel is at each place what Numba makes of it."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.cpu import on_cpu
from hpcampus_kernels.simulator import UnsupportedError, simulate
from numba import float32

N = 32


def float_after_index(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    j = i
    out[i] = x[i]
    i = i * 0.5
    out[j] += i


def rounded_before_it_is_double(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    value = x[i]
    square = value * value
    value = value * 2.0
    out[i] = square + value * value


def number_of_a_branch(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    value = i
    if i % 2:
        value = x[i]
    out[i] = value * x[i]


def both_branches(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i % 3:
        value = x[i] * x[i]
    else:
        value = 2.5 * x[i]
        out[i] += value
    out[i] += value * value


def sum_from_a_whole_number(x: Any, out: Any) -> None:
    total = 0
    before = total + 1
    for k in range(x.size):
        total += x[k]
    out[cuda.grid(1)] = total + before


def left_early(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    value = x[i]
    for k in range(5):
        if k == i % 7:
            value = value * 3.0
            break
        if k % 2:
            value = value * x[k]
            continue
        value = value + x[k]
    else:
        value = 1
    out[i] = value * value


def while_it_is_small(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    n = 1
    while n < 20:
        n = n * 2
        if n > 9:
            n = n + 0.25
    out[i] = n + x[i]


def set_in_some_rounds(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    for k in range(4):
        if k == 1:
            value = x[i]
        if k == 2:
            value = 0.1 * x[i]
        if k == 3:
            out[i] = value * value


def target_of_a_loop(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    k = x[i]
    out[i] = k * k
    for k in range(i):
        out[i] += k
    out[i] += k * x[i]


def forever_until(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    n = 0
    while True:
        value = x[n] * x[n]
        n += 1
        if n > i:
            break
    out[i] = value * value


@cuda.jit(device=True)
def halved(value: Any) -> Any:
    value = value / 2
    return value


def in_a_device_function(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = halved(i) + halved(x[i])


@pytest.mark.parametrize(
    "kernel",
    [
        float_after_index,
        rounded_before_it_is_double,
        number_of_a_branch,
        both_branches,
        sum_from_a_whole_number,
        left_early,
        while_it_is_small,
        set_in_some_rounds,
        target_of_a_loop,
        forever_until,
        in_a_device_function,
    ],
)
def test_it_computes_what_numba_computes(kernel: Any) -> None:
    x = np.random.default_rng(3).random(N, np.float32) + np.float32(0.3)
    got, expected = np.zeros(N), np.zeros(N)
    on_cpu(kernel)[1, N](x, expected)
    report = simulate(kernel, 1, N, x, got)
    assert not report.findings, str(report)
    np.testing.assert_array_equal(got, expected)


def number_or_array(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    value = x
    if i > 3:
        value = float32(1)
    out[i] = value + x[i]


def number_or_array_unused(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    value = x
    if i > 3:
        value = float32(1)
    value = x[i]
    out[i] = value


def test_what_no_type_fits_is_refused_by_name() -> None:
    x = np.zeros(N, np.float32)
    reason = "value is float32 on one way and an array of float32 with 1 dimensions on another"
    with pytest.raises(UnsupportedError, match=reason):
        simulate(number_or_array, 1, N, x, x.copy())
    assert not simulate(number_or_array_unused, 1, N, x, x.copy()).findings


def in_every_round(x: Any, out: Any) -> None:
    total = float32(0)
    for k in range(3):
        total += x[k]  # six
        for _ in range(k):
            total += x[k]  # six again
        if k == 2:
            total += x[k]  # two
    out[cuda.grid(1)] = total


def in_some_rounds(x: Any, out: Any) -> None:
    total = float32(0)
    for k in range(4):
        if k > cuda.grid(1):
            continue
        total += x[k]  # three
    for k in range(9):
        total += x[k]  # four
        if k == 1:
            break
    out[cuda.grid(1)] = total


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [(in_every_round, {"six": 6, "six again": 6, "two": 2}), (in_some_rounds, {"three": 3, "four": 4})],
)
def test_operations_are_counted_in_all_loops(kernel: Any, expected: dict[str, int]) -> None:
    report = simulate(kernel, 1, 2, np.ones(9, np.float32), np.zeros(2, np.float32))
    counts = {line.text.rpartition("# ")[2]: count for line, count in report.flops.items()}
    assert counts == expected
