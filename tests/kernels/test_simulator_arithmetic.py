"""Arithmetic in the simulator against Numba's own compiler: the same values, and the same types."""

import linecache
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels.simulator import simulate
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

MANY = int(os.environ.get("CAMPUS_EXAMPLES", "60"))
TYPES = ["bool", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "<<", ">>", "&", "|", "^", "<", "==", "**"]
WHOLE = {"<<", ">>", "&", "|", "^"}


def written(expression: str, count: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A function that Numba compiles and a kernel, both of that expression of a, b, …"""
    names = "abc"[:count]
    loads = "".join(f"    {name} = {name}_[0]\n" for name in names)
    arguments = ", ".join(f"{name}_" for name in names)
    text = (
        f"def plain({arguments}):\n{loads}    return {expression}\n"
        f"def kernel({arguments}, out):\n{loads}    out[0] = {expression}\n"
    )
    file = f"<expression {expression} of {count}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    made: dict[str, Any] = {"math": math, "np": np}
    exec(compile(text, file, "exec"), made)
    return njit(error_model="numpy")(made["plain"]), made["kernel"]


COMPILED: dict[tuple[str, int], tuple[Callable[..., Any], Callable[..., Any]]] = {}


def compared(expression: str, *values: Any) -> None:
    """Numba's value is the simulator's, and arithmetic with it has Numba's type."""
    key = expression, len(values)
    plain, kernel = COMPILED.get(key) or COMPILED.setdefault(key, written(*key))
    arrays = [np.array([value]) for value in values]
    want = plain(*arrays)
    kind = np.dtype(str(plain.nopython_signatures[-1].return_type))  # type: ignore[attr-defined]
    for signature in plain.nopython_signatures:  # type: ignore[attr-defined]
        if [str(a.dtype) for a in signature.args] == [str(a.dtype) for a in arrays]:
            kind = np.dtype(str(signature.return_type))
    # An output that is wider than the type shows an answer that was not rounded or wrapped.
    out = np.zeros(1, np.float64 if kind.kind == "f" else np.uint64 if kind == np.uint64 else np.int64)
    report = simulate(kernel, 1, 1, *arrays, out, check=[])
    assert not report.findings, str(report)
    exact = {"rtol": 1e-6} if "**" in expression or "math" in expression else {"rtol": 0}
    np.testing.assert_allclose(out[0], out.dtype.type(want), **exact, err_msg=f"{expression} of {values}")


def value(kind: str) -> st.SearchStrategy[Any]:
    if kind == "bool":
        return st.booleans().map(np.bool_)
    if kind.startswith("float"):
        width = int(kind[5:])
        return st.floats(-1e6, 1e6, width=width, allow_subnormal=False).map(np.dtype(kind).type)
    info = np.iinfo(kind)
    edges = st.sampled_from([info.min, info.max, 0, 1, info.max // 2 + 1])
    return st.one_of(edges, st.integers(max(info.min, -100), 100), st.integers(info.min, info.max)).map(
        np.dtype(kind).type
    )


@st.composite
def operations(draw: Any) -> tuple[str, Any, Any]:
    symbol = draw(st.sampled_from(OPERATORS))
    kinds = [kind for kind in TYPES if symbol not in WHOLE or not kind.startswith("float")]
    one, other = draw(st.sampled_from(kinds)), draw(st.sampled_from(kinds))
    if symbol == "**":
        return "a ** b", draw(st.floats(0.5, 4).map(np.float32)), draw(st.integers(-3, 6).map(np.int32))
    # A GPU shifts by 64 bits and more as the simulator does; a CPU may do anything.
    if symbol in ("<<", ">>"):
        return f"a {symbol} b", draw(value(one)), draw(st.integers(0, 63).map(np.int64))
    return f"a {symbol} b", draw(value(one)), draw(value(other))


@settings(max_examples=MANY)
@given(operations())
def test_operations_are_numbas(operation: tuple[str, Any, Any]) -> None:
    compared(*operation)


F, D, K, B = np.float32(0.1), np.float64(0.1), np.int32(2**31 - 1), np.int16(300)
U, L = np.uint32(2**32 - 1), np.int64(2**62)


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("a * b + c", (F, K, F)),  # float32 times int32 is float64
        ("a * b + c", (F, B, F)),  # times int16 it is float32
        ("a * 2 + a", (F,)),  # a literal is int64
        ("a * 0.5 + a", (F,)),
        ("a * 3 * a * 7", (L,)),  # wraps in between
        ("(a + a) // 2", (K,)),  # 64 bits hold it
        ("(a + a + a + a + a) // 3", (L,)),
        ("a - b", (np.uint32(1), np.uint32(2))),
        ("a + b", (np.uint64(2**63), np.int64(5))),
        ("-a", (np.uint32(5),)),
        ("~a", (np.uint32(5),)),
        ("-a", (np.int64(-(2**63)),)),
        ("abs(a)", (np.int32(-5),)),
        ("a // b", (np.int64(5), np.int64(0))),
        ("a % b", (np.int32(5), np.int32(0))),
        ("a / b", (np.int32(5), np.int32(0))),
        ("a // b", (np.int64(-(2**63)), np.int64(-1))),
        ("a % b", (np.float32(-5), np.float32(3))),
        ("a ** 2 + a", (F,)),
        ("a ** 0.5", (F,)),
        ("a ** b", (np.int64(3), np.int64(50))),
        ("a ** b", (np.int64(3), np.int64(-1))),
        ("int(a) + b", (np.float32(2.7), K)),
        ("float(a) * b", (F, F)),  # float() leaves a float32
        ("float(a) * b", (K, F)),
        ("round(a) * b", (np.float32(2.5), F)),
        ("np.float32(a) * b", (D, F)),
        ("np.uint8(a) + b", (np.int64(300), B)),
        ("max(a, b) * c", (F, K, F)),
        ("min(a, b) * b", (F, D)),
        ("max(a, b, c)", (K, B, np.int8(3))),
        ("math.sqrt(a) * b", (F, F)),
        ("math.sqrt(a) * b", (K, F)),
        ("math.exp(a * 3) + math.pow(a, a)", (F,)),
        ("(a if b > 2 else 1) * a", (F, K)),
        ("(a if b > 2 else 0.0) * a", (F, K)),
        ("a > b and a < 2 * b", (F, K)),
        ("a == 16777217", (np.float32(16777216),)),
        ("(a << 40) >> 3", (K,)),
        ("a << b", (U, np.int64(31))),
        ("a & 255 | b ^ a", (K, B)),
        ("a * 6364136223846793005 + 1442695040888963407", (np.int64(12345),)),
        ("a + True", (K,)),
        ("not a", (K,)),
    ],
)  # fmt: skip
def test_expressions_are_numbas(expression: str, values: tuple[Any, ...]) -> None:
    compared(expression, *values)


def test_a_float_that_is_too_large_is_the_largest_integer() -> None:
    def kernel(x: Any, out: Any) -> None:
        out[0], out[1], out[2] = np.int32(x[0]), np.int64(-x[0] * x[0]), np.uint8(x[1])

    out = np.zeros(3, np.int64)
    simulate(kernel, 1, 1, np.array([1e15, 300.7]), out)
    assert list(out) == [2**31 - 1, -(2**63), 44]


def test_a_variable_has_one_type() -> None:
    def kernel(x: Any, out: Any) -> None:
        total = 0
        for i in range(x.size):
            total += x[i]  # int64 and float32: float64
        out[0] = total
        mixed = x[0]
        if x.size > 100:
            mixed = 1.0
        out[1] = mixed * x[1]  # float64, in either case
        whole = 1
        for _ in range(70):
            whole *= 2  # out of its 64 bits
        out[2] = whole

    x, out = np.full(10, 0.1, np.float32), np.zeros(3)
    assert not simulate(kernel, 1, 1, x, out).findings
    assert out[0] == float(np.float32(0.1)) * 10 or abs(out[0] - np.sum(x, dtype=np.float64)) < 1e-15
    assert out[1] == float(x[0]) * float(x[1])
    assert out[2] == 0
