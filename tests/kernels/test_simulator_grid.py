"""Grid-wide barriers, records, complex numbers and random numbers."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import UnsupportedError, simulate, undefined
from hpcampus_kernels.simulator import xoroshiro as generator
from numba import types

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Numba warns of its own options
    from numba.cuda import random as numbas

BODY = np.dtype([("x", np.float32), ("y", np.float32), ("n", np.int32)], align=True)


def heat(a: Any, b: Any, steps: Any) -> None:
    whole = cuda.cg.this_grid()
    i = cuda.grid(1)
    for _ in range(steps):
        if 0 < i < a.size - 1:
            b[i] = (a[i - 1] + a[i + 1]) / types.float32(2)
        whole.sync()
        a, b = b, a
        whole.sync()


def sum_after(x: Any, out: Any) -> None:
    x[cuda.grid(1)] = cuda.grid(1)
    cuda.cg.this_grid().sync()
    if cuda.grid(1) == 0:
        for i in range(x.size):
            out[0] += x[i]


@pytest.mark.parametrize("schedule", range(4))
def test_the_whole_grid_waits(schedule: int) -> None:
    start = np.zeros(24, np.float32)
    start[0] = 1
    a, b, want = start.copy(), start.copy(), start.copy()
    report = simulate(heat, 3, 8, a, b, 5, schedule=schedule)
    for _ in range(5):
        want[1:-1] = (want[:-2] + want[2:]) / 2
    assert not report.findings, str(report)
    np.testing.assert_array_equal(b, want)
    report = simulate(sum_after, 3, 8, undefined(24, np.float32), np.zeros(1), schedule=schedule)
    assert not report.findings, str(report)
    assert report.arrays["out"][0] == sum(range(24))


def test_without_waiting_for_the_grid_blocks_race() -> None:
    def heat_at_once(a: Any, b: Any) -> None:
        i = cuda.grid(1)
        if 0 < i < a.size - 1:
            b[i] = a[i - 1]
        cuda.syncthreads()
        if 0 < i < a.size - 1:
            a[i] = b[i - 1]

    assert "race" in simulate(heat_at_once, 3, 8, np.zeros(24), np.zeros(24)).kinds()


def test_a_thread_that_ends_before_the_grid_waits_is_found() -> None:
    def early(x: Any) -> None:
        if cuda.grid(1) < 20:
            x[cuda.grid(1)] = 1
            cuda.cg.this_grid().sync()

    report = simulate(early, 3, 8, np.zeros(24))
    assert report.kinds() == {"barrier"}
    assert "20 threads wait for the whole grid, but 4 have ended" in report.findings[0].message


def bodies(p: Any, out: Any) -> None:
    i = cuda.grid(1)
    tile = cuda.shared.array(4, BODY)
    tile[i].x = p[i].x
    tile[i]["n"] = p[i]["n"] + 2**31
    cuda.syncthreads()
    p[i].y += tile[3 - i].x * tile[3 - i].x
    cuda.atomic.add(p["n"], 0, 1)
    out[i] = tile[i].n


def test_records_have_fields() -> None:
    p, out = np.zeros(4, BODY), np.zeros(4, np.int64)
    p["x"], p["n"] = [1, 2, 3, 4], [1, 1, 1, 1]
    report = simulate(bodies, 1, 4, p, out)
    np.testing.assert_array_equal(p["y"], [16, 9, 4, 1])
    np.testing.assert_array_equal(p["n"], [5, 1, 1, 1])
    assert list(out) == [1 - 2**31] * 4
    kinds = {(finding.kind, finding.element) for finding in report.findings}
    assert kinds == set()
    (x,) = [m for m in report.measures if m.array == "p" and m.kind == "read" and ".x" in str(m.example)]
    assert x.bytes == 16
    (n,) = [m for m in report.measures if m.array == "p" and m.kind == "read" and ".n" in str(m.example)]
    assert [place for _, place, _ in n.example] == [8, 20, 32, 44]


def test_threads_that_write_different_fields_do_not_race() -> None:
    def fields(p: Any, out: Any) -> None:
        if cuda.grid(1) == 0:
            p[0].x = 1
        else:
            p[0].y = 2

    def one_field(p: Any, out: Any) -> None:
        p[0].x = cuda.grid(1)

    p, out = np.zeros(1, BODY), np.zeros(1)
    assert not simulate(fields, 1, 2, p, out).findings
    report = simulate(one_field, 1, 2, p, out)
    assert [f.element for f in report.findings] == ["p[0].x"]


def test_a_field_outside_is_found_and_an_unknown_one_is_a_mistake() -> None:
    def outside(p: Any, out: Any) -> None:
        out[0] = p[cuda.blockDim.x + 3].x

    def unknown(p: Any, out: Any) -> None:
        out[0] = p[0].mass

    def whole(p: Any, out: Any) -> None:
        p[0] = p[1]

    p, out = np.zeros(4, BODY), np.zeros(1)
    assert [f.kind for f in simulate(outside, 1, 1, p, out).findings] == ["outside"]
    assert "there is no field 'mass'; there are: x, y, n" in str(simulate(unknown, 1, 1, p, out))
    with pytest.raises(UnsupportedError, match="can't assign a whole record"):
        simulate(whole, 1, 1, p, out)


def test_complex_numbers_are_of_their_width() -> None:
    def mandelbrot(c: Any, out: Any) -> None:
        i = cuda.grid(1)
        z = c[i]
        for _ in range(3):
            z = z * z + c[i]
        out[i] = z
        c[i] = complex(abs(z), z.imag)

    c = np.array([0.1 + 0.2j, -1 + 0.3j], np.complex64)
    z = c
    for _ in range(3):
        z = z * z + c
    got, out = c.copy(), np.zeros(2, np.complex64)
    assert not simulate(mandelbrot, 1, 2, got, out).findings
    np.testing.assert_array_equal(out, z)
    np.testing.assert_allclose(got, np.abs(z) + 1j * z.imag, rtol=1e-6)


def uniform(states: Any, out: Any) -> None:
    i = cuda.grid(1)
    for k in range(out.shape[1]):
        out[i, k] = generator.xoroshiro128p_uniform_float32(states, i)


def normal(states: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i, 0] = numbas.xoroshiro128p_uniform_float64(states, i)
    for k in range(1, out.shape[1]):
        out[i, k] = numbas.xoroshiro128p_normal_float32(states, i)


def test_random_numbers_are_those_of_numba() -> None:
    states = generator.create_xoroshiro128p_states(4, seed=7, subsequence_start=1)
    theirs = np.zeros(4, generator.STATE)
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        numbas.init_xoroshiro128p_states_cpu(theirs, 7, 1)
    np.testing.assert_array_equal(states, theirs)
    for kernel, name in ((uniform, "uniform_float32"), (normal, "normal_float32")):
        out, want = np.zeros((4, 5)), np.zeros((4, 5))
        mine = states.copy()
        assert not simulate(kernel, 2, 2, mine, out).findings
        theirs = states.copy()
        with np.errstate(over="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for i in range(4):
                for k in range(5):
                    first = k == 0 and kernel is normal
                    draw = (
                        numbas.xoroshiro128p_uniform_float64
                        if first
                        else getattr(numbas, f"xoroshiro128p_{name}")
                    )
                    want[i, k] = draw(theirs, i)
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_allclose(out, want, rtol=3e-7)


def test_a_state_that_two_threads_use_is_a_race_in_their_line() -> None:
    def shared_state(states: Any, out: Any) -> None:
        out[cuda.grid(1)] = cuda.random.xoroshiro128p_uniform_float32(states, 0)  # here

    states = generator.create_xoroshiro128p_states(1, seed=1)
    report = simulate(shared_state, 1, 2, states, np.zeros(2))
    assert report.kinds() == {"race"}
    assert all("# here" in finding.line.text for finding in report.findings if finding.line)
    assert not math.isnan(report.arrays["out"][0])
