"""What keeps a kernel from other GPUs is named with its line, and a portable kernel is left alone."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, cuda, portable
from hpcampus_kernels.simulated import atomic, grid
from numba import float32

TILE = 32


@cuda.jit
def warp_sum(x: Any, out: Any) -> None:
    i = cuda.grid(1)
    lane, warp = cuda.threadIdx.x % cuda.warpsize, cuda.threadIdx.x // cuda.warpsize
    part = cuda.shared.array(TILE, float32)
    part[warp] = x[i] if i < x.size else float32(0)
    total = part[warp]
    delta = cuda.warpsize // 2
    while delta > 0:
        total += cuda.shfl_down_sync(-1, total, delta)
        delta //= 2
    cuda.syncthreads()
    if lane == 0:
        atomic.add(out, warp, total)
        cuda.atomic.max(out, x[i + lane] & 31, total)


def lane_of_32() -> None:
    t = cuda.threadIdx.x
    cuda.syncwarp(t % 32)


def warp_of_32(out: Any) -> None:
    out[cuda.threadIdx.x >> 5] = 1


def wide_mask(x: Any) -> None:
    x[0] = cuda.shfl_sync(0xFFFFFFFF, x[0], 0)


def step_of_16(x: Any) -> None:
    for delta in (16, 8, 4, 2, 1):
        x[0] += cuda.shfl_down_sync(-1, x[0], delta)


def step_that_starts_at_16(x: Any) -> None:
    delta = 16
    while delta:
        x[0] += cuda.shfl_xor_sync(-1, x[0], delta)
        delta //= 2


def whole_grid(x: Any) -> None:
    cuda.cg.this_grid().sync()


def at_two_indices(x: Any) -> None:
    cuda.atomic.add(x, (0, grid(1)), 1)


def exchange(x: Any) -> None:
    atomic.exch(x, 0, 1)


def subtract(x: Any) -> None:
    cuda.atomic.sub(x, 0, 1)


def few_bits(x: Any) -> None:
    x[0] = np.float16(1)


def printing(x: Any) -> None:
    print(x[0])  # noqa: T201


def count(x: Any) -> None:
    x[0] = cuda.syncthreads_count(x[0] > 1)


@cuda.jit(device=True)
def voted(x: Any) -> Any:
    return cuda.any_sync(-1, x > 0)


def calls_one_that_votes(x: Any) -> None:
    x[0] = voted(x[0])


@pytest.mark.parametrize(
    ("kernel", "offset", "found", "instead"),
    [
        (lane_of_32, 2, "t % 32 takes a warp for 32 threads", "cuda.warpsize"),
        (warp_of_32, 1, "cuda.threadIdx.x >> 5 takes a warp for 32", "cuda.warpsize"),
        (wide_mask, 1, "this mask has 32 lanes", "-1, which means all"),
        (step_of_16, 2, "a step of 16 is half of a warp of 32 only", "cuda.warpsize // 2"),
        (step_that_starts_at_16, 3, "a step of 16 is half", "cuda.warpsize // 2"),
        (whole_grid, 1, "cuda.cg is not on every GPU", "two launches"),
        (at_two_indices, 1, "at several indices", "one index into a flat array"),
        (exchange, 1, "cuda.atomic.exch is not", "a loop around atomic.cas"),
        (subtract, 1, "cuda.atomic.sub is not", "atomic.add of the negative"),
        (few_bits, 1, "float16 is not", "float32"),
        (printing, 1, "print is not", "print them on the host"),
        (count, 1, "cuda.syncthreads_count is not", "atomic.add to a shared counter"),
        (calls_one_that_votes, -3, "cuda.any_sync is not", "shared memory"),
    ],
)
def test_it_is_named_with_its_line_and_a_way_out(kernel: Any, offset: int, found: str, instead: str) -> None:
    (remark,) = portable(kernel)
    assert remark.line.number == kernel.__code__.co_firstlineno + offset
    assert remark.found.startswith(found) or found in remark.found
    assert remark.instead.startswith(instead) or instead in remark.instead
    assert f"; write {remark.instead}" in str(remark)


def test_a_portable_kernel_has_no_remarks() -> None:
    assert portable(warp_sum) == ()


# What an exercise is about may be outside the subset.
ABOUT = {"radix_sort_pass": {"ballot_sync", "popc"}}


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_the_kernels_of_the_exercises_are_portable(name: str) -> None:
    found = {remark.found.partition(" ")[0].removeprefix("cuda.") for remark in portable(PROBLEMS[name].gpu)}
    assert found == ABOUT.get(name, set())


def test_without_a_source_there_is_an_error() -> None:
    made: dict[str, Any] = {}
    exec("def kernel(x):\n    x[0] = 1\n", made)
    with pytest.raises(OSError, match="could not get source code"):
        portable(made["kernel"])
