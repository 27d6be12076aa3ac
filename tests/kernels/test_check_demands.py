"""What a check finds besides wrong values, what can be asked for, and hints."""

from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import PROBLEMS, Case, check, cuda
from hpcampus_kernels.hints import HINTS
from hpcampus_kernels.judging import demands, judge, speed
from hpcampus_kernels.judging.judge import POINTS
from hpcampus_kernels.judging.on_gpu import GpuRunner
from hpcampus_kernels.judging.submission import submission

xoroshiro128p_type = np.float32
xoroshiro128p_uniform_float32 = cuda.random.xoroshiro128p_uniform_float32
ZERO = np.float32(0)
TILE = 16
WIDE = 2 * TILE


@cuda.jit
def saxpy(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_that_sleeps(a: Any, x: Any, y: Any) -> None:
    i = cuda.grid(1)
    cuda.nanosleep(1)
    if i < y.size:
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_in_chunks(a: Any, x: Any, y: Any) -> None:
    each = (y.size + cuda.gridsize(1) - 1) // cuda.gridsize(1)
    for i in range(cuda.grid(1) * each, min(y.size, (cuda.grid(1) + 1) * each)):
        y[i] = a * x[i] + y[i]


@cuda.jit
def saxpy_in_float64(a: Any, x: Any, y: Any) -> None:
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = 1.0 * a * x[i] + y[i]


@cuda.jit
def warp_of_32(x: Any, total: Any) -> None:
    own = ZERO
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        own += x[i]
    for step in (16, 8, 4, 2, 1):
        own += cuda.shfl_down_sync(-1, own, step)
    if cuda.threadIdx.x % cuda.warpsize == 0:
        cuda.atomic.add(total, 0, own)


@cuda.jit
def barrier_for_some(x: Any, total: Any) -> None:
    part = cuda.shared.array(64, np.float32)
    t = cuda.threadIdx.x
    part[t] = x[t] if t < x.size else ZERO
    if t < 32:
        cuda.syncthreads()
        cuda.atomic.add(total, 0, part[t])
        cuda.atomic.add(total, 0, part[t + 32])


@cuda.jit
def transpose_without_padding(matrix: Any, out: Any) -> None:
    tile = cuda.shared.array((WIDE, WIDE), np.float32)
    rows, columns = matrix.shape
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    left, top = cuda.blockIdx.x * 32, cuda.blockIdx.y * 32
    for k in range(y, 32, cuda.blockDim.y):
        if top + k < rows and left + x < columns:
            tile[k, x] = matrix[top + k, left + x]
    cuda.syncthreads()
    for k in range(y, 32, cuda.blockDim.y):
        if left + k < columns and top + x < rows:
            out[left + k, top + x] = tile[x, k]


@cuda.jit
def random_saxpy(a: Any, x: Any, y: Any) -> None:
    states = cuda.local.array(1, xoroshiro128p_type)
    i = cuda.grid(1)
    if i < y.size:
        y[i] = xoroshiro128p_uniform_float32(states, 0)


def test_kernels_may_draw_random_numbers() -> None:
    names = submission(random_saxpy).kernel.names
    assert names["xoroshiro128p_uniform_float32"] == ("cuda", "random.xoroshiro128p_uniform_float32")


def test_a_warp_of_64_is_tried() -> None:
    verdict = check(warp_of_32, "reduction", [Case((256,), (2,), (128,))])
    assert [point.name for point in verdict.points if not point.passed] == ["order"]
    assert "With warps of 64 threads" in verdict["order"].words


def test_a_barrier_that_not_all_reach_is_found() -> None:
    verdict = check(barrier_for_some, "reduction", [Case((64,), (1,), (64,))])
    assert "barrier" in verdict["order"].words


def test_traffic_is_counted_line_by_line() -> None:
    limit = {"sectors": 1.5}
    assert check(saxpy, "saxpy", [Case((512,), (2,), (32,))], require=limit).passed
    point = check(saxpy_in_chunks, "saxpy", [Case((512,), (2,), (32,))], require=limit)["sectors"]
    assert not point.passed
    assert point.earned < point.possible
    assert "reads x with a stride of 32 bytes" in point.words
    assert point.state.endswith("lines")


def test_bank_conflicts_are_counted() -> None:
    case = [Case((64, 64), (2, 2), (32, 8))]
    verdict = check(transpose_without_padding, "transpose", case, require={"banks": 1.5, "sectors": 1.5})
    assert verdict["values"].passed, str(verdict)
    assert verdict["sectors"].passed
    assert "rounds of the banks" in verdict["banks"].words


def test_the_compiler_is_asked() -> None:
    asked = {"float64": 0, "registers": 64, "spills": 0, "local": 0}
    assert check(saxpy, "saxpy", [Case((64,), (1,), (32,))], require=asked).passed
    verdict = check(saxpy_in_float64, "saxpy", [Case((64,), (1,), (32,))], require=asked | {"registers": 2})
    assert [point.name for point in verdict.points if not point.passed] == ["float64", "registers"]
    assert "Nobody" not in verdict["registers"].words
    assert "1.0 * a * x[i]" in verdict["float64"].words


def test_without_a_compiler_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_arguments: Any, **_options: Any) -> None:
        raise ImportError

    monkeypatch.setattr(demands.inspection, "inspect", missing)
    monkeypatch.setattr(demands, "rebuilt", lambda *_arguments: None)
    (point,) = demands.demanded(None, PROBLEMS["saxpy"], [], {"registers": 1})  # type: ignore[arg-type]
    assert point.state == "not checked here"


def test_speed_is_compared_with_the_version_for_cpus() -> None:
    case = [Case((64,), (1,), (32,))]
    assert check(saxpy, "saxpy", case, require={"speed": 1e-6}).passed
    point = check(saxpy, "saxpy", case, require={"speed": 1e6})["speed"]
    assert not point.passed
    assert "times the speed of the version for CPUs" in point.words


def test_what_has_no_counterpart_on_a_cpu_is_said() -> None:
    point = check(saxpy_that_sleeps, "saxpy", [Case((64,), (1,), (64,))], require={"speed": 0.1})["speed"]
    assert "nanosleep" in point.words
    assert not point.passed


def test_a_time_that_no_processor_can_reach_is_refused() -> None:
    assert speed.judged(2.0, 1.0, 1.0, 0.5, "it").passed
    for seconds in (1.0, 0.0, -1.0, float("nan")):
        point = speed.judged(seconds, 1.0, 1.0, 0.5, "it")
        assert not point.passed
        assert "less than any processor needs" in point.words


def test_fast_and_wrong_is_lost() -> None:
    class Wrong:
        work, most, beside = 1e4, 1e12, "it"

        def timed(self, task: Any) -> Any:
            return {"y": task.arguments["x"]}, lambda: 1.0

        def rival(self, _problem: Any, _task: Any) -> Any:
            return lambda: 1.0

    asked = PROBLEMS["saxpy"]
    task = judge.launch(asked, speed.typical(asked, 1e4), 1)
    assert "its values are wrong" in speed.speed(asked, task, Wrong(), 0.5).words


def test_on_a_gpu_a_kernel_is_timed_beside_a_copy() -> None:
    asked = PROBLEMS["saxpy"]
    task, place = judge.launch(asked, Case((64,), (1,), (32,)), 1), GpuRunner(submission(saxpy))
    point = speed.speed(asked, task, place, 1e-9)
    assert point.passed, point.words
    assert place.rival(asked, task)() > 0


def test_an_unknown_requirement_is_an_error() -> None:
    with pytest.raises(LookupError, match="nothing is called speeed; there are: sectors"):
        check(saxpy, "saxpy", require={"speeed": 1})


def test_hints_grow_and_end_with_the_explanation() -> None:
    verdict = check(saxpy_in_chunks, "saxpy", [Case((512,), (2,), (32,))], require={"sectors": 1.5})
    hints = [verdict.hint(level) for level in (1, 2, 3)]
    assert hints[0].startswith("Look at the addresses")
    assert hints[2] == verdict["sectors"].words
    assert len(set(hints)) == 3
    with pytest.raises(ValueError, match="levels 1, 2 and 3, not 4"):
        verdict.hint(4)
    assert "nothing to hint at" in check(saxpy, "saxpy", [Case((9,), (1,), (32,))]).hint(1)


def test_a_check_shows_hints_in_place_of_explanations() -> None:
    case = [Case((512,), (2,), (32,))]
    text = str(check(saxpy_in_chunks, "saxpy", case, require={"sectors": 1.5}, hint=1))
    assert HINTS["sectors"][0] in text
    assert "stride" not in text


def test_what_is_no_kernel_is_said_with_any_hint() -> None:
    assert "put @cuda.jit on the line above" in check(print, "saxpy").hint(1)


def test_there_is_a_hint_for_every_point() -> None:
    assert {*POINTS, *demands.NAMES, speed.SPEED} <= HINTS.keys()
