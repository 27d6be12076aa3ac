"""The size of a shared or local array: what the compiler takes is taken, and what it refuses is refused."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda, inspect
from hpcampus_kernels.inspection import CompilationError
from hpcampus_kernels.simulator import UnsupportedError, simulate
from numba import float32

TILE, SHAPE = 16, (4, 4)


def number(out: Any) -> None:
    own = cuda.shared.array(2 * 16, float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


def outer_name(out: Any) -> None:
    own = cuda.shared.array((TILE, TILE), float32)
    own[cuda.threadIdx.x, 0] = out[cuda.threadIdx.x] = 1


def outer_tuple(out: Any) -> None:
    own = cuda.local.array(SHAPE, float32)
    own[cuda.threadIdx.x, 0] = out[cuda.threadIdx.x] = 1


def part_of_outer_tuple(out: Any) -> None:
    own = cuda.shared.array(SHAPE[0], float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


def variable(out: Any) -> None:
    n = TILE
    own = cuda.shared.array(n, float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


def outer_sum(out: Any) -> None:
    own = cuda.shared.array((TILE, TILE + 1), float32)
    own[cuda.threadIdx.x, 0] = out[cuda.threadIdx.x] = 1


def sum_in_a_variable(out: Any) -> None:
    n = TILE + 1
    own = cuda.local.array(n, float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


def block(out: Any) -> None:
    n = cuda.blockDim.x
    own = cuda.shared.array(n, float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


def argument(out: Any) -> None:
    own = cuda.shared.array(out.shape[0], float32)
    own[cuda.threadIdx.x] = out[cuda.threadIdx.x] = 1


TAKEN = (number, outer_name, outer_tuple, part_of_outer_tuple, variable)
REFUSED = (outer_sum, sum_in_a_variable, block, argument)


@pytest.mark.parametrize("kernel", TAKEN)
def test_a_size_known_beforehand_is_taken(kernel: Any) -> None:
    assert not simulate(kernel, 1, 4, np.zeros(4, np.float32)).errors


@pytest.mark.parametrize("kernel", REFUSED)
def test_a_size_found_out_later_is_refused(kernel: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"\(line \d+\): it must know the size when it compiles"):
        simulate(kernel, 1, 4, np.zeros(4, np.float32))


@pytest.mark.skipif(
    find_spec("numba_cuda") is None or find_spec("nvidia") is None, reason="needs the extra `inspect`"
)
def test_the_compiler_agrees() -> None:
    signature = (np.zeros(4, np.float32),)
    for kernel in TAKEN:
        inspect(kernel, signature, arch=("sm_80",), sass=False)
    for kernel in REFUSED:
        with pytest.raises(CompilationError):
            inspect(kernel, signature, arch=("sm_80",), sass=False)
