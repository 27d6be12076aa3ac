"""Random small kernels that have no race, as text: what the property tests of the simulator and the CPU run.

A kernel has blocks of 32 or 64 threads, in a grid of two. It reads `x` (float32), `d` (float64), `k` (int32)
and `u` (uint32), writes what its threads have found in the end, and counts in `counts` and `highest`. Threads
meet only where all of them come: in loops and branches that all take alike, or in whole halves of a warp.
"""

import linecache
import math
from itertools import count
from typing import Any

import numpy as np
from hpcampus_kernels import cuda
from hypothesis import strategies as st
from numba import float32, float64, int32, int64, uint32

SIZE, BLOCKS = 128, 2
NUMBER = count()
Lines = list[str]
Statements = st.SearchStrategy[Lines]

START = """
@cuda.jit(device=True)
def mixed(value, other):
    if value > other:
        return value - other
    return value * float32(0.5) + other


@cuda.jit(device=True)
def total(value):
    step = cuda.warpsize // 2
    while step > 0:
        value += cuda.shfl_xor_sync(-1, value, step)
        step //= 2
    return value


@cuda.jit(device=True)
def turned(value, places, shift):
    places[cuda.threadIdx.x] = value
    cuda.syncthreads()
    found = places[(cuda.threadIdx.x + shift) % cuda.blockDim.x]
    cuda.syncthreads()
    return found, found < value


def kernel(x, d, k, u, floats, doubles, wholes, counts, highest):
    tile = cuda.shared.array(64, float32)
    marks = cuda.shared.array(64, int32)
    own = cuda.local.array(4, int32)
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    own[0], own[1], own[2], own[3] = t, i, 3, k[i]
    a = x[i]
    w = d[i]
    b = i + 1
    c = u[i]
    e = k[t]
"""
END = """
    floats[i] = a
    doubles[i] = w
    wholes[0, i] = b
    wholes[1, i] = c
    wholes[2, i] = e + own[i % 4]
"""


def _two(form: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(form.format, *parts)


NATURALS = ["u[t]", "u[i]", "c", "uint32(5)", "uint32(4000000000)"]
LEAVES = ["i", "t", "b", "e", "k[i]", "k[t]", "own[t % 4]", "3", "7", "2147483647", "cuda.blockIdx.x"]
# Apart from the integers with a sign: of both, Numba makes a float64, which has no bits.
natural = st.recursive(
    st.sampled_from(NATURALS),
    lambda inner: st.one_of(
        _two("({} {} {})", inner, st.sampled_from("+*&|^"), inner),
        _two("({} // {})", inner, inner),
        _two("({} % {})", inner, inner),
        _two("({} >> uint32(3))", inner),
        _two("{}({}, {})", st.sampled_from(["min", "max"]), inner, inner),
        _two("uint32({})", inner),
        _two("cuda.{}({})", st.sampled_from(["popc", "clz", "ffs", "brev"]), inner),
    ),
    max_leaves=3,
)
leaf = st.sampled_from([*LEAVES, "cuda.gridsize(1)", "cuda.laneid", "cuda.warpsize", "int32(70000)"])
comparison = st.sampled_from(["<", "<=", "==", "!=", ">"])
whole = st.recursive(
    st.one_of(leaf, leaf, _two("int64({})", natural)),
    lambda inner: st.one_of(
        _two("({} {} {})", inner, st.sampled_from("+-*&|^"), inner),
        _two("({} // {})", inner, inner),
        _two("({} % {})", inner, inner),
        _two("({} << ({} & 7))", inner, inner),
        _two("({} >> ({} & 7))", inner, inner),
        _two("{}({}, {})", st.sampled_from(["min", "max"]), inner, inner),
        _two("({} if {} {} {} else {})", inner, inner, comparison, inner, inner),
        _two("(-{})", inner),
        _two("(~{})", inner),
        _two("int32({})", inner),
        _two("abs({})", inner),
        _two("cuda.{}({})", st.sampled_from(["popc", "clz"]), inner),
        _two("int64(cuda.{}({}))", st.sampled_from(["ffs", "brev"]), inner),
    ),
    max_leaves=5,
)
number = st.recursive(
    st.one_of(
        st.sampled_from(["a", "w", "x[i]", "x[127 - i]", "d[t]", "float32(0.5)", "0.1", "a"]),
        _two("x[({}) % 128]", whole),
    ),
    lambda inner: st.one_of(
        _two("({} {} {})", inner, st.sampled_from("+-*/"), inner),
        _two("({} * {})", inner, whole),
        _two("abs({})", inner),
        _two("float32({})", inner),
        _two("cuda.fma({}, {}, {})", inner, inner, inner),
        _two("math.sqrt(abs({}))", inner),
        _two("math.floor({})", inner),
        _two("mixed({}, {})", inner, inner),
        _two("{}({}, {})", st.sampled_from(["min", "max"]), inner, inner),
        _two("({} if {} {} {} else {})", inner, inner, comparison, inner, inner),
    ),
    max_leaves=4,
)
test = st.one_of(
    _two("{} {} {}", whole, comparison, whole),
    _two("{} < {}", number, number),
    _two("0 <= ({}) % 9 < 5", whole),
    _two("({} > 2 {} {} < 9)", whole, st.sampled_from(["and", "or"]), whole),
    _two("not {} > 1", whole),
)
simple = st.one_of(
    _two("a = float32({})", number),
    _two("a += x[({}) % 128]", whole),
    _two("w = float64({})", number),
    _two("w -= {}", number),
    _two("b = {}", whole),
    _two("b ^= {}", whole),
    _two("c = uint32({})", natural),
    _two("e = int32({})", whole),
    _two("own[({}) % 4] = {}", whole, whole),
    _two("cuda.atomic.add(counts, ({}) % 8, {})", whole, whole),
    _two("cuda.atomic.max(highest, ({}) % 8, int32({}))", whole, whole),
)


def lines(text: str, *parts: st.SearchStrategy[str]) -> Statements:
    """Some lines with these parts in their places."""
    return st.builds(lambda *given: text.format(*given).split("\n"), *parts)


def under(text: str, inner: Statements, *parts: st.SearchStrategy[str]) -> Statements:
    """Some lines with others one step further to the right below them."""
    return st.builds(lambda head, body: [*head, *(f"    {one}" for one in body)], lines(text, *parts), inner)


def apart(depth: int) -> Statements:
    """Statements that each thread does by itself."""
    alone = simple.map(lambda line: [line])
    if depth == 0:
        return alone
    parts = st.lists(apart(depth - 1), min_size=1, max_size=2)
    inner = parts.map(lambda several: [line for one in several for line in one])
    out = st.sampled_from(["break", "continue"])
    return st.one_of(
        alone,
        alone,
        under("if {}:", inner, test),
        st.builds(
            lambda yes, no: [*yes, *no], under("if {}:", inner, test), under("else:", inner)
        ),
        under(f"for j{depth} in range(({{}}) % 4):", inner, whole),
        under(f"for j{depth} in range(1, {{}} % 6, 2):\n    if {{}}:\n        {{}}", inner, whole, test, out),
        under(f"n{depth} = ({{}}) % 4\nwhile n{depth} > 0:\n    n{depth} -= 1", inner, whole),
        under(f"for s{depth} in range(i, 200, cuda.gridsize(1)):", inner),
    )  # fmt: skip


THROUGH_MEMORY = """tile[t] = {}
cuda.syncthreads()
a += tile[({}) % cuda.blockDim.x]
cuda.syncthreads()"""
MARKED = """marks[t] = 0
cuda.syncthreads()
cuda.atomic.add(marks, ({}) % cuda.blockDim.x, {})
cuda.syncthreads()
b += marks[t]
cuda.syncthreads()"""
meeting = st.one_of(
    lines(THROUGH_MEMORY, number, whole),
    lines(MARKED, whole, whole),
    lines("a = cuda.shfl_{}_sync(-1, a, ({}) % 32)", st.sampled_from(["up", "down", "xor"]), leaf),
    lines("b = cuda.shfl_sync(-1, {}, ({}) % 32)", whole, whole),
    lines("b += cuda.popc(cuda.ballot_sync(-1, {}))", test),
    lines("b ^= cuda.ballot_sync(-1, {}) + cuda.lanemask_lt()", test),
    lines("b += 3 if cuda.{}_sync(-1, {}) else 5", st.sampled_from(["any", "all"]), test),
    lines("b += cuda.popc(cuda.match_any_sync(-1, ({}) % 5))", whole),
    lines("b += cuda.syncthreads_{}(int({}))", st.sampled_from(["count", "and", "or"]), test),
    lines("n0 = ({}) % 3\nwhile cuda.syncthreads_or(int(n0 > 0)):\n    n0 -= 1\n    b += n0", whole),
    lines("w = w - total({})", number),
    lines("a, found = turned(a, tile, ({}) % 5)\nb += found", leaf),
    lines("a *= total({})", st.sampled_from(["a", "x[i]", "float32(e)"])),
    lines("if t % 32 < 16:\n    e = cuda.shfl_xor_sync(0xFFFF, e, ({}) % 8)", leaf),
    under("for r in range(t // 32, 5, 2):\n    e += cuda.shfl_down_sync(-1, e, r)", apart(0)),
)
together = st.one_of(
    apart(2),
    meeting,
    meeting,
)
AROUND = [
    "", "", "for r in range(3):", "if cuda.blockIdx.x == 0:", "for r in range(cuda.blockIdx.x + 1):",
    "if cuda.blockDim.x > 32:", "for r in range(4):\n    if r > cuda.blockIdx.x:\n        break",
]  # fmt: skip
programs = st.lists(
    st.tuples(st.sampled_from(AROUND), st.lists(together, min_size=1, max_size=3)), min_size=1, max_size=4
)


def written(parts: list[tuple[str, list[Lines]]]) -> tuple[Any, str]:
    """The kernel of such parts, and its text; it can be read as if it stood in a file."""
    lines = list[str]()
    for around, steps in parts:
        body = [line for one in steps for line in one]
        head = around.split("\n") if around else []
        lines += [*head, *(f"    {line}" for line in body)] if head else body
    text = START + "".join(f"    {line}\n" for line in lines) + END
    file = f"<random kernel {next(NUMBER)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {
        "cuda": cuda,
        "math": math,
        "float32": float32,
        "float64": float64,
        "int32": int32,
        "int64": int64,
        "uint32": uint32,
    }
    exec(compile(text, file, "exec"), names)
    return names["kernel"], text


def arguments(seed: int) -> list[np.ndarray[Any, Any]]:
    """What such a kernel gets."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(SIZE).astype(np.float32),
        rng.standard_normal(SIZE),
        rng.integers(-50, 50, SIZE).astype(np.int32),
        rng.integers(0, 1 << 32, SIZE).astype(np.uint32),
        np.zeros(SIZE, np.float32),
        np.zeros(SIZE),
        np.zeros((3, SIZE), np.int64),
        np.zeros(8, np.int32),
        np.zeros(8, np.int32),
    ]
