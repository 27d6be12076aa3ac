"""Random small kernels of the portable subset: simulator and compiled CPU version agree to the last bit.

`CAMPUS_EXAMPLES=1000` asks for more of them. Each is compiled, which takes most of the time.
"""

import linecache
import os
from itertools import count
from typing import Any

import numpy as np
from hpcampus_kernels import cuda
from hpcampus_kernels.cpu import on_cpu
from hpcampus_kernels.simulator import simulate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numba import float32

MANY = int(os.environ.get("CAMPUS_EXAMPLES", "20"))
THREADS, BLOCKS = 8, 2
NUMBER = count()

START = """
def kernel(x, k, floats, wholes):
    tile = cuda.shared.array(8, float32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    a = x[i]
    b = i + 1
"""
END = """
    floats[i] = a
    wholes[i] = b
"""

leaf = st.sampled_from(["i", "t", "b", "k[i]", "k[t]", "3", "7", "cuda.blockIdx.x", "cuda.gridsize(1)"])
whole = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*&|^"), inner),
        st.builds("({} // {})".format, inner, inner),
        st.builds("({} % {})".format, inner, inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("({} if {} < {} else {})".format, inner, inner, inner, inner),
    ),
    max_leaves=6,
)
number = st.recursive(
    st.one_of(
        st.sampled_from(["a", "x[i]", "x[15 - i]", "float32(0.5)", "0.1"]),
        st.builds("x[({}) % 16]".format, whole),
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds("({} * {})".format, inner, whole),
        st.builds("abs({})".format, inner),
        st.builds("({} if {} < {} else {})".format, inner, inner, inner, inner),
    ),
    max_leaves=5,
)
simple = st.one_of(
    st.builds("a = float32({})".format, number),
    st.builds("b = {}".format, whole),
    st.builds("a += x[({}) % 16]".format, whole),
)
step = st.one_of(
    simple.map(lambda line: [line]),
    st.builds(lambda test, line: [f"if {test} > 2:", f"    {line}"], whole, simple),
    st.builds(lambda rounds, line: [f"for j in range(({rounds}) % 4):", f"    {line}"], whole, simple),
    st.builds(
        lambda value, place: [
            f"tile[t] = {value}", "cuda.syncthreads()", f"a += tile[({place}) % 8]", "cuda.syncthreads()",
        ],
        number,
        whole,
    ),
)  # fmt: skip
around = st.sampled_from(["", "for r in range(3):", "if cuda.blockIdx.x == 0:"])
program = st.lists(st.tuples(around, st.lists(step, min_size=1, max_size=2)), min_size=1, max_size=3)


def written(parts: list[tuple[str, list[list[str]]]]) -> Any:
    """The kernel of that text, which can be read as if it stood in a file."""
    lines = list[str]()
    for head, steps in parts:
        body = [line for one in steps for line in one]
        lines += [head, *(f"    {line}" for line in body)] if head else body
    text = START + "".join(f"    {line}\n" for line in lines) + END
    file = f"<portable kernel {next(NUMBER)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"cuda": cuda, "float32": float32}
    exec(compile(text, file, "exec"), names)
    return names["kernel"], text


@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))
@given(program, st.integers(0, 3), st.integers(0, 99))
def test_simulator_and_cpu_agree(parts: Any, schedule: int, seed: int) -> None:
    kernel, text = written(parts)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(16).astype(np.float32)
    k = rng.integers(-50, 50, 16).astype(np.int32)
    results = [(np.zeros(16, np.float32), np.zeros(16, np.int64)) for _ in range(2)]
    report = simulate(kernel, BLOCKS, THREADS, x, k, *results[0], schedule=schedule)
    assert not report.findings, f"{text}\n{report}"
    on_cpu(kernel, parallel=False)[BLOCKS, THREADS](x, k, *results[1])
    for here, there in zip(*results, strict=True):
        np.testing.assert_array_equal(here, there, err_msg=text)
