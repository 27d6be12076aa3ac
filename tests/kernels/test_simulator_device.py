"""What a kernel can use in the simulator does what the device does; what it can't use is refused by name."""

import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import cuda
from hpcampus_kernels.simulator import UnsupportedError, simulate
from numba import float32, int32, types

TABLE = np.array([3, 1, 2], np.int32)
HALF = 0.5


def ran(kernel: Any, grid: Any, block: Any, *arguments: Any, **settings: Any) -> Any:
    """The last array after a launch without findings."""
    report = simulate(kernel, grid, block, *arguments, **settings)
    assert not report.findings, str(report)
    return list(report.arrays.values())[-1]


def lanes(kernel: Any, threads: int = 32, warpsize: int = 32) -> list[int]:
    return list(ran(kernel, 1, threads, np.zeros(threads, np.int64), warpsize=warpsize))


def test_indices_in_three_dimensions() -> None:
    def kernel(out: Any) -> None:
        x, y, z = cuda.grid(3)
        width, height, _ = cuda.gridsize(3)
        place = (z * height + y) * width + x
        out[z, y, x] = place * 10 + cuda.threadIdx.z + cuda.blockIdx.y + cuda.blockDim.x + cuda.gridDim.z

    out = ran(kernel, (2, 3, 2), (2, 1, 2), np.zeros((4, 3, 4), np.int32))
    z, y, x = np.indices(out.shape)
    np.testing.assert_array_equal(out, ((z * 3 + y) * 4 + x) * 10 + z % 2 + y + 2 + 2)


def test_barriers_that_count() -> None:
    def kernel(out: Any) -> None:
        t = cuda.threadIdx.x
        few = int(t < 5)
        count = cuda.syncthreads_count(few)
        out[t] = count * 100 + cuda.syncthreads_and(few) * 10 + cuda.syncthreads_or(few)

    assert lanes(kernel, 40) == [501] * 40


@pytest.mark.parametrize("name", ["syncthreads_count", "syncthreads_and", "syncthreads_or"])
def test_barriers_that_count_want_an_integer(name: str) -> None:
    def kernel(out: Any) -> None:
        out[0] = getattr(cuda, name)(out[0] > 1)

    with pytest.raises(UnsupportedError, match=rf"no cuda.{name} of bool \(line \d+\): give an integer"):
        simulate(kernel, 1, 1, np.zeros(1))


def test_shuffles() -> None:
    def kernel(out: Any) -> None:
        t = cuda.laneid
        up, down = cuda.shfl_up_sync(-1, t, 2), cuda.shfl_down_sync(-1, t, 3)
        out[t] = up + 100 * down + 10000 * cuda.shfl_xor_sync(-1, t, 1) + 1000000 * cuda.shfl_sync(-1, t, 7)

    want = [
        (t - 2 if t > 1 else t) + 100 * (t + 3 if t < 29 else t) + 10000 * (t ^ 1) + 7000000
        for t in range(32)
    ]
    assert lanes(kernel) == want


def test_votes_and_matches() -> None:
    def kernel(out: Any) -> None:
        t = cuda.laneid
        ballot, alike = cuda.ballot_sync(-1, t < 3), cuda.match_any_sync(-1, t % 16)
        mask, same = cuda.match_all_sync(-1, 5)
        ok = ballot == 7 and alike == int32(1 << t % 16 | 1 << t % 16 + 16) and same and cuda.popc(mask) == 32
        ok = ok and cuda.any_sync(-1, t == 3) and not cuda.all_sync(-1, t == 3) and cuda.eq_sync(-1, t < 99)
        out[t] = ok

    assert lanes(kernel) == [1] * 32


@pytest.mark.parametrize("warpsize", [32, 64])
def test_the_active_lanes_are_those_in_the_branch(warpsize: int) -> None:
    def kernel(out: Any) -> None:
        t = cuda.laneid
        if t % 2:
            out[t] = cuda.activemask() & 15 == 10
        else:
            out[t] = cuda.popc(cuda.activemask()) == cuda.warpsize // 2

    assert lanes(kernel, warpsize, warpsize) == [1] * warpsize


@pytest.mark.parametrize(
    ("name", "start", "values", "left"),
    [
        ("add", 5, (3,), 8), ("sub", 5, (3,), 2), ("max", 5, (9,), 9), ("min", 5, (9,), 5),
        ("and_", 6, (3,), 2), ("or_", 6, (3,), 7), ("xor", 6, (3,), 5),
        ("inc", 5, (9,), 6), ("inc", 9, (9,), 0), ("dec", 5, (9,), 4), ("dec", 0, (9,), 9),
        ("exch", 5, (7,), 7), ("cas", 5, (5, 1), 1), ("cas", 5, (4, 1), 5),
    ],
)  # fmt: skip
def test_atomic_operations_give_the_old_value(name: str, start: int, values: Any, left: int) -> None:
    def one(a: Any, old: Any) -> None:
        old[0] = getattr(cuda.atomic, name)(a, (1, 2), values[0])
        old[1] = getattr(cuda.atomic, name)(a[0], 1, values[0])

    def two(a: Any, old: Any) -> None:
        old[0] = getattr(cuda.atomic, name)(a, (1, 2), values[0], values[1])
        old[1] = getattr(cuda.atomic, name)(a[0], 1, values[0], values[1])

    kernel = one if len(values) == 1 else two
    a, old = np.full((2, 3), start, np.int32), np.zeros(2, np.int32)
    ran(kernel, 1, 1, a, old)
    assert (a[1, 2], a[0, 1], list(old)) == (left, left, [start, start])


def test_arithmetic_is_the_devices() -> None:
    def kernel(x: Any, i: Any, out: Any) -> None:
        out[0] = x[0] + x[1]  # float32: 1 is lost
        out[1] = x[0] * 0.1 - 1677721.6  # a literal is float64
        out[2] = math.sqrt(x[1] + x[1]) == float32(math.sqrt(2.0))
        out[3] = x[1] / x[2]  # no exception
        out[4] = math.log(x[2] - x[1])
        i[0] = i[0] + 1  # wraps at the store
        i[1] = x[1] * HALF + HALF

    x, i, out = np.array([2**24, 1, 0], np.float32), np.array([2**31 - 1, 9], np.int32), np.zeros(5)
    ran(kernel, 1, 1, x, i, out)
    assert out[0] == 2**24
    assert abs(out[1]) < 1e-6
    assert list(out[2:4]) == [1, math.inf]
    assert math.isnan(out[4])
    assert list(i) == [-(2**31), 1]


def test_masks_of_lanes_have_a_sign_where_numba_cuda_gives_them_one() -> None:
    def kernel(out: Any) -> None:
        ballot, alike, here = cuda.ballot_sync(-1, True), cuda.match_any_sync(-1, 5), cuda.activemask()
        all_, _ = cuda.match_all_sync(-1, 5)
        if cuda.laneid == 31:
            out[0], out[1], out[2], out[3] = ballot, alike, all_, here
            out[4], out[5] = cuda.lanemask_lt(), -here

    assert lanes(kernel)[:6] == [-1, -1, -1, 2**32 - 1, 2**31 - 1, 1]


@cuda.jit(device=True)
def twice(value: Any) -> Any:
    return value * 2


def test_functions_constants_and_closures() -> None:
    offset = 10

    def third(value: Any) -> Any:
        return twice(value) + offset

    def kernel(out: Any) -> None:
        t = cuda.threadIdx.x
        own = cuda.const.array_like(TABLE)
        kept = cuda.local.array((1, 2), types.int32)
        kept[0, 1] = own[t] + TABLE[t]
        out[t] = third(kept[0, 1])

    assert list(ran(kernel, 1, 3, np.zeros(3, np.int32))) == [22, 14, 18]


def test_dynamic_shared_memory_rows_and_slices() -> None:
    def kernel(a: Any, out: Any) -> None:
        memory = cuda.shared.array(0, float32)
        t = cuda.threadIdx.x
        upper, row = memory[2:], a[1]
        memory[t] = row[t]
        upper[t] = a[0, 2:][t]
        cuda.syncthreads()
        total = 0
        for value in row[1:3]:
            total += value
        out[t] = memory[2 + t] + memory[1 - t] + len(row) + a.shape[0] + 100 * total

    a = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert list(ran(kernel, 1, 2, a, np.zeros(2), shared_bytes=16)) == [2 + 5 + 6 + 1100, 3 + 4 + 6 + 1100]


def test_two_shared_arrays_of_one_line_are_two() -> None:
    def kernel(out: Any) -> None:
        a, b = cuda.shared.array(1, int32), cuda.shared.array(1, int32)
        a[0], b[0] = 1, 2
        out[0] = a[0] * 10 + b[0]

    assert list(ran(kernel, 1, 1, np.zeros(1))) == [12]


def test_arrays_that_are_not_contiguous_are_changed_in_place() -> None:
    def kernel(out: Any) -> None:
        out[cuda.grid(1)] = cuda.grid(1)

    whole = np.full((2, 4), -1, np.int16)
    ran(kernel, 1, 4, whole.T[:, 1])
    assert whole.tolist() == [[-1] * 4, [0, 1, 2, 3]]


def unknown_intrinsic(out: Any) -> None:
    cuda.cluster_sync()


def unknown_atomic(out: Any) -> None:
    cuda.atomic.mul(out, 0, 2)


def array_method(out: Any) -> None:
    out[0] = out.sum()


def other_module(out: Any) -> None:
    sys.exit()


def array_to_slice(out: Any) -> None:
    out[:2] = out[2:]


def list_of(out: Any) -> None:
    out[0] = len([2 * i for i in range(3)])


names: dict[str, Any] = {"cuda": cuda}
exec("def without_source(out):\n    out[cuda.grid(1)] = 1\n", names)


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (unknown_intrinsic, "no cuda.cluster_sync"),
        (unknown_atomic, "no cuda.atomic.mul"),
        (array_method, "no .sum for arrays"),
        (other_module, "no sys.exit in kernels"),
        (array_to_slice, "can't assign an array to a slice"),
        (list_of, r"no ListComp in kernels \(line"),
        (names["without_source"], "needs the source of without_source"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(kernel: Any, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        simulate(kernel, 1, 1, np.zeros(4))


def test_wrong_calls_are_explained() -> None:
    with pytest.raises(ValueError, match="at most 1024 threads"):
        simulate(array_to_slice, 1, (32, 64), np.zeros(1))
    with pytest.raises(ValueError, match="there is no check speed; there are: races"):
        simulate(array_to_slice, 1, 1, np.zeros(1), check=["speed"])
    with pytest.raises(ValueError, match="one to three numbers of at least 1"):
        simulate(array_to_slice, 0, 1, np.zeros(1))
    with pytest.raises(TypeError, match="takes out, but got 2 values"):
        simulate(array_to_slice, 1, 1, np.zeros(1), 2)
    with pytest.raises(UnsupportedError, match="no arrays of object"):
        simulate(array_to_slice, 1, 1, np.array([None]))


def test_an_exception_in_a_kernel_is_a_finding_with_its_line() -> None:
    def kernel(out: Any) -> None:
        out[0.5] = 1

    finding = simulate(kernel, 1, 1, np.zeros(4)).findings[0]
    assert finding.kind == "stopped"
    assert finding.line is not None
    assert finding.line.text == "out[0.5] = 1"


def test_two_launches_at_once_do_not_meet() -> None:
    def kernel(n: Any, out: Any) -> None:
        for _ in range(n):
            cuda.syncthreads()
            cuda.atomic.add(out, cuda.threadIdx.x, 1)

    results = [np.zeros(16), np.zeros(16)]
    others = [threading.Thread(target=simulate, args=(kernel, 1, 16, 50, result)) for result in results]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert all((result == 50).all() for result in results)


def test_measures_count_sectors_and_banks() -> None:
    def kernel(a: Any, out: Any) -> None:
        tile = cuda.shared.array((32, 32), float32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        tile[y, x] = a[x, y]
        cuda.syncthreads()
        out[y, x] = tile[x, y]
        cuda.atomic.add(out, (0, 0), 0)

    a, out = np.zeros((32, 32), np.float32), np.zeros((32, 32), np.float32)
    report = simulate(kernel, 1, (32, 32), a, out, check=["measures"])
    got = {(m.array, m.kind): m for m in report.measures}
    assert (got["a", "read"].transfers, got["a", "read"].ideal, got["a", "read"].ratio) == (1024, 128, 8)
    assert (got["out", "write"].transfers, got["out", "write"].bytes) == (128, 4096)
    assert (got["tile", "read"].transfers, got["tile", "write"].transfers) == (32 * 32, 32)
    assert (got["out", "atomic"].contention, got["out", "atomic"].requests) == (32, 32)


def test_half_a_warp_in_a_branch_is_half_active() -> None:
    def kernel(out: Any) -> None:
        if cuda.threadIdx.x % 2:
            out[cuda.threadIdx.x] = 1

    (measure,) = simulate(kernel, 1, 64, np.zeros(64, np.float32)).measures
    assert (measure.active, measure.requests) == (0.5, 2)


def test_it_needs_no_simulator_of_numba_and_lives_with_the_compiler(tmp_path: Path) -> None:
    code = (
        "import numba.cuda as cuda, numpy as np\n"
        "from numba.cuda import atomic, grid, threadIdx\n"
        "from hpcampus_kernels.simulator import simulate\n"
        "@cuda.jit\n"
        "def k(x):\n"
        "    x[grid(1)] = threadIdx.x\n"
        "    atomic.add(x, threadIdx.x, 10)\n"
        "x = np.zeros(3)\n"
        "assert not simulate(k, 1, 3, x).errors\n"
        "print(x, 'simulator' in type(k).__module__)\n"
    )
    environment = {"NUMBA_ENABLE_CUDASIM": "0", "PATH": "/usr/bin"}
    script = tmp_path / "kernel.py"
    script.write_text(code, encoding="utf-8")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "[10. 11. 12.] False\n", done.stderr
