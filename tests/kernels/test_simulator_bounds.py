"""Accesses outside an array are found, those below 0 too, with array, element, thread and line."""

from typing import Any

import pytest
from hpcampus_kernels import cuda
from planted import NUMBERS, PLANE, Planted, found, new

N = 64


def add_no_guard(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = x[i] + 1  # here


def rows_no_guard(a: Any, out: Any) -> None:
    i, j = cuda.grid(2)
    out[i, j] = a[i, j]  # here


def add_guard_too_large(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i <= out.size:
        out[i] = x[i] + 1  # here


def loop_too_long(x: Any, out: Any) -> None:
    for i in range(cuda.grid(1), x.size + 1, cuda.gridsize(1)):
        out[i] = x[i]  # here


def difference_at_the_edge(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < x.size:
        out[i] = x[i] - x[i - 1]  # here


def life_at_the_edge(a: Any, out: Any) -> None:
    x, y = cuda.grid(2)
    if x < a.shape[1] and y < a.shape[0]:
        out[y, x] = a[y - 1, x]  # here


PLANTED = [
    Planted(add_no_guard, 4, 32, [NUMBERS, new(100)], "outside", "x[100], but x has 100 elements, 0 to 99"),
    Planted(rows_no_guard, (2, 2), (8, 8), [PLANE, new(10, 12)], "outside", "but a has the shape (10, 12)"),
    Planted(
        add_guard_too_large, 4, 32, [NUMBERS, new(100)], "outside", "Thread 4 of block 3 changed out[100]"
    ),
    Planted(loop_too_long, 1, 32, [NUMBERS, new(100)], "outside", "x[100]"),
    Planted(
        difference_at_the_edge,
        4,
        32,
        [NUMBERS, new(100)],
        "outside",
        "x[-1], but x has 100 elements, 0 to 99; on a GPU",
    ),
    Planted(life_at_the_edge, (2, 2), (8, 8), [PLANE, new(10, 12)], "outside", "a[-1, 0]"),
]


@pytest.mark.parametrize("planted", PLANTED, ids=str)
def test_every_mistake_is_found_in_any_order(planted: Planted) -> None:
    found(planted)
