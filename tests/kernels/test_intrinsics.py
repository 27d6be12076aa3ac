"""Arithmetic that only devices have names for: in the simulator and on a CPU, with numba.cuda's types."""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda, on_cpu
from hpcampus_kernels.simulator import UnsupportedError, intrinsics, simulate
from numba import njit, types
from numba.core.errors import TypingError

HERE = Path(__file__).parent
NAMED = {"bool": types.boolean}


def bits(value: Any, out: Any) -> None:
    out[0] = cuda.popc(value[0])
    out[1] = cuda.clz(value[0])
    out[2] = cuda.brev(value[0])
    # The type shows in what a sum wraps at.
    out[3] = cuda.popc(value[0]) - cuda.clz(value[0])


def lowest(value: Any, out: Any) -> None:
    out[0] = cuda.ffs(value[0])
    out[1] = cuda.ffs(value[0]) - 5


def fused(x: Any, y: Any, z: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = cuda.fma(x[i], y[i], z[i])


def both(kernel: Any, out: Any, *arguments: Any, threads: int = 1) -> list[Any]:
    """What the simulator and the CPU make of it, which is the same."""
    there = out.copy()
    report = simulate(kernel, 1, threads, *arguments, out, check=[])
    assert not report.findings, str(report)
    on_cpu(kernel)[1, threads](*arguments, there)
    np.testing.assert_array_equal(out, there)
    return list(out)


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (np.int8(-1), [8, 0, 2**32 - 1, 8]),
        (np.int16(1), [1, 15, 2**31, -14]),
        (np.int32(-1), [32, 0, 2**32 - 1, 32]),
        (np.uint32(6), [2, 29, 3 << 29, -27 % 2**64]),
        (np.int64(-1), [64, 0, 2**32 - 1, 64]),
        (np.int64(1), [1, 63, 2**31, -62]),
        (np.uint64(2), [1, 62, 2**62, -61 % 2**64]),
    ],
)
def test_the_width_is_that_of_the_type(value: Any, counted: list[int]) -> None:
    found = both(bits, np.zeros(4, np.int64), np.array([value]))
    assert [n % 2**64 for n in map(int, found)] == [n % 2**64 for n in counted]


@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.int64, np.uint64])
def test_the_lowest_bit(kind: Any) -> None:
    assert both(lowest, np.zeros(2, np.int64), np.array([8], kind)) == [4, -1]
    assert both(lowest, np.zeros(2, np.int64), np.array([0], kind)) == [0, -5]


def test_a_literal_has_64_bits() -> None:
    def kernel(out: Any) -> None:
        out[0], out[1], out[2], out[3] = cuda.popc(-1), cuda.clz(1), cuda.brev(1), cuda.selp(True, 1, 2)

    assert both(kernel, np.zeros(4, np.int64)) == [64, 63, 2**31, 1]


@pytest.mark.parametrize(
    ("kind", "x", "y", "z", "exact"),
    [
        (np.float64, 1 + 2**-30, 1 - 2**-30, -1, -(2.0**-60)),
        # x y lies in the middle of two float32; z decides, and a float64 can't hold both.
        (np.float32, 1 + 2**-12, 1 + 2**-12, 2**-60, 1 + 2**-11 + 2**-23),
        (np.float32, 1 + 2**-12, 1 + 2**-12, -(2**-60), 1 + 2**-11),
        (np.float64, 1e200, 1e200, -math.inf, -math.inf),
        (np.float64, 1e200, 1e200, -1e300, math.inf),
    ],
)
def test_fma_rounds_once(kind: Any, x: float, y: float, z: float, exact: float) -> None:
    assert both(fused, np.zeros(1, kind), *(np.array([value], kind) for value in (x, y, z))) == [exact]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_fma_is_the_processors(kind: Any) -> None:
    rng, count = np.random.default_rng(5), 512
    info = np.finfo(kind)
    special = [0.0, -0.0, math.inf, -math.inf, math.nan, info.max, info.smallest_subnormal, info.tiny]
    x, y = (
        np.concatenate([rng.choice(special, 200), rng.standard_normal(count - 200)]).astype(kind)
        for _ in range(2)
    )
    with np.errstate(all="ignore"):
        # Where most of the product goes, all that is left was rounded.
        z = np.where(rng.random(count) < 0.5, -x * y, rng.choice([*special, 1e-3], count)).astype(kind)
    both(fused, np.zeros(count, kind), x, y, z, threads=count)


@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="needs the extra `inspect`")
def test_types_are_those_of_numba_cuda() -> None:
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "0"}
    argv = [sys.executable, HERE / "intrinsic_types.py"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 400
    for name, kinds, gives in lines:
        found = intrinsics.signature(name, *(NAMED.get(kind, getattr(types, kind, None)) for kind in kinds))
        assert (None if found is None else str(found[1])) == gives, f"{name} of {kinds}"


def int_xor_float(k: Any, u: Any, out: Any) -> None:
    out[0] = k[0] ^ max(k[0], u[0])


def bits_of_a_float(k: Any, u: Any, out: Any) -> None:
    out[0] = cuda.popc(k[0] * 0.5)


def one_of_two_types(k: Any, u: Any, out: Any) -> None:
    out[0] = cuda.selp(k[0] > 0, k[0], u[0])


def inverted(k: Any, u: Any, out: Any) -> None:
    out[0] = ~(k[0] / 2)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (int_xor_float, "Numba has no xor of int64 and float64"),
        (bits_of_a_float, "numba.cuda has no cuda.popc of float64"),
        (one_of_two_types, "numba.cuda has no cuda.selp of bool and int64 and uint64"),
        (inverted, "Numba has no invert of float64"),
    ],
)
def test_what_numba_has_no_types_for_is_refused_with_its_line(kernel: Any, words: str) -> None:
    arguments = np.array([5]), np.array([3], np.uint64), np.zeros(1, np.int64)
    line = kernel.__code__.co_firstlineno + 1
    with pytest.raises(UnsupportedError, match=rf"^{words} \(line {line}\)$"):
        simulate(kernel, 1, 1, *arguments)


def test_numba_refuses_bits_of_the_larger_of_an_integer_with_a_sign_and_one_without() -> None:
    with pytest.raises(TypingError, match=r"xor\(int64, float64\)"):
        njit(int_xor_float)(np.array([5]), np.array([3], np.uint64), np.zeros(1, np.int64))
