"""The verdict as a notebook uses it: points, words, and what `require` raises."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Case, CheckFailedError, Point, Verdict, backend, check, cuda
from hpcampus_kernels.findings import bounds, stopped
from hpcampus_kernels.launch import guarded

ADD = PROBLEMS["vector_add"]
CASE = ADD.cases[1]


@cuda.jit
def with_guard(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def without_guard(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = x[i] + y[i]


def test_require_says_why_and_is_silent_when_all_is_right() -> None:
    check(with_guard, "vector_add").require()
    verdict = check(without_guard, "vector_add")
    verdict.require("values", "work")
    with pytest.raises(AssertionError, match=r"vector_add: Tried with size 100, .* guard"):
        verdict.require()
    with pytest.raises(KeyError, match="'speed' is none of the points: bounds, work, values, order"):
        verdict.require("speed")


def test_a_notebook_shows_the_explanation_and_no_stack() -> None:
    with pytest.raises(CheckFailedError) as caught:
        check(without_guard, "vector_add").require()
    shown = caught.value._render_traceback_()
    assert " ".join(shown) == str(caught.value)
    assert max(map(len, shown)) <= 88


def test_an_unknown_problem_and_an_empty_check_are_errors() -> None:
    with pytest.raises(LookupError, match="there is no problem 'vector'; there are: vector_add, saxpy"):
        check(with_guard, "vector")
    with pytest.raises(ValueError, match="at least one launch"):
        check(with_guard, "vector_add", [])


def test_points_count_launches() -> None:
    verdict = check(without_guard, "vector_add", ADD.cases)
    point = verdict["bounds"]
    assert (point.earned, point.possible) == (1, 5)
    assert point.state == "failed: 1 of 5 launches"
    assert verdict.summary.startswith("bounds 1/5: Tried with size 100")
    assert verdict.summary.endswith("work 5/5, values 5/5, order 5/5")


def test_words_are_escaped_in_html_and_said_once() -> None:
    points = tuple(Point(name, "m", 0, 1, "<script>alert('x')</script>") for name in ("bounds", "values"))
    html = Verdict("vector_add", points)._repr_html_()
    assert "<script>" not in html
    assert html.count("&lt;script&gt;") == 1
    assert repr(Verdict("vector_add", points)).count("<script>") == 1


def test_a_point_that_cannot_be_seen_is_not_lost() -> None:
    point = Point("work", "m", 0, 0)
    assert point.passed
    assert point.state == "not checked here"


def test_a_nan_is_wrong_even_where_a_nan_is_expected() -> None:
    nan = np.array([np.nan], np.float32)
    assert ADD.tolerance.wrong(nan, nan).all()
    assert replace(ADD.tolerance, absolute=1e9).wrong(nan, np.zeros(1, np.float32)).all()


def test_unsigned_values_do_not_wrap_around() -> None:
    got, expected = np.array([0], np.uint8), np.array([255], np.uint8)
    assert replace(ADD.tolerance, absolute=1.0).wrong(got, expected).all()


class Hardware:
    """A kernel that does what hardware does with a stray access: it writes into the neighbour's memory."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.py_func = without_guard.py_func

    def __getitem__(self, launch: Any) -> Any:
        return self.launch

    def launch(self, x: Any, y: Any, out: Any) -> None:
        memory = out.values.base
        start = (out.values.__array_interface__["data"][0] - memory.__array_interface__["data"][0]) // 4
        memory.reshape(-1)[start + self.offset] = 7


@pytest.mark.parametrize("offset", [-1, 100, 600])
def test_guard_zones_see_a_write_outside(offset: int) -> None:
    arguments = dict(zip(ADD.parameters, ADD.arguments((100,), np.random.default_rng(1)), strict=True))
    done = guarded(Hardware(offset), CASE, arguments)
    assert done.damaged == ("out",)
    assert "wrote outside of out" in str(bounds(done, CASE))


def test_guard_zones_do_not_blame_a_write_inside() -> None:
    arguments = dict(zip(ADD.parameters, ADD.arguments((100,), np.random.default_rng(1)), strict=True))
    assert not guarded(Hardware(99), CASE, arguments).damaged


def test_a_dead_gpu_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_array: Any) -> None:
        raise RuntimeError("[700] Call to cuMemAlloc results in CUDA_ERROR_ILLEGAL_ADDRESS")

    monkeypatch.setattr(backend, "cuda", SimpleNamespace(to_device=refuse))
    done = guarded(without_guard, CASE, {"x": np.zeros(1)})
    assert "Restart the notebook's kernel" in str(stopped(done, ""))


def test_on_a_gpu_lost_work_is_not_claimed_to_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "SIMULATED", False)
    verdict = check(with_guard, "vector_add", [Case((40,), (2,), (32,))], require={"sectors": 1})
    assert verdict.passed, str(verdict)
    for name in ("work", "order", "sectors"):
        assert verdict[name].state == "not checked here"
