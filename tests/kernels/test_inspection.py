"""What the compiler made of kernels is found and traced to its line, with no GPU."""

import linecache
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hpcampus_kernels import Inspection, backend, cuda, inspect
from hpcampus_kernels.inspection import (
    ATOMIC,
    BARRIER,
    DIVISION,
    FLOAT64,
    LOCAL,
    VECTOR,
    CompilationError,
    ToolMissingError,
)
from hpcampus_kernels.inspection.compilable import Compilable
from hpcampus_kernels.inspection.ptx import uses
from hpcampus_kernels.inspection.sass import vector_accesses
from numba import float32, int32, types

pytestmark = pytest.mark.skipif(
    find_spec("numba_cuda") is None or find_spec("nvidia") is None, reason="needs the extra `inspect`"
)

TILE = 16
vector, matrix = types.Array(float32, 1, "C"), types.Array(float32, 2, "C")


@cuda.jit(device=True)
def scaled(x: Any) -> Any:
    return x * 0.1


@cuda.jit
def tiled(a: Any, b: Any, c: Any) -> None:
    tile_a = cuda.shared.array((TILE, TILE), float32)
    tile_b = cuda.shared.array((TILE, TILE), float32)
    column, row = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, a.shape[1], TILE):
        tile_a[y, x] = a[row, start + x]
        tile_b[y, x] = b[start + y, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += tile_a[y, k] * tile_b[k, x]  # vector
        cuda.syncthreads()
    c[row, column] = total


@cuda.jit
def heavy(x: Any, bins: Any) -> None:
    part = cuda.local.array(64, float32)
    i = cuda.grid(1)
    for k in range(64):
        part[(k * i) & 63] = x[k]  # local
    x[i] = scaled(part[i & 63])
    x[i] = x[i] * 0.3  # literal
    cuda.atomic.add(bins, i % x.size, 1)  # both
    if i > 100:
        cuda.syncthreads()


@pytest.fixture(scope="module")
def seen() -> Inspection:
    return inspect(heavy, (vector, types.Array(int32, 1, "C")))


def marked(kernel: Any, mark: str) -> int:
    """The number of the line with that comment."""
    first = kernel.py_func.__code__.co_firstlineno
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(n for n in range(first, len(lines)) if lines[n - 1].endswith(f"# {mark}"))


def lines(inspection: Inspection, kind: str) -> set[int]:
    return {use.line.number for use in inspection.uses if use.kind == kind and use.line}


def test_every_cost_is_traced_to_its_line(seen: Inspection) -> None:
    assert marked(heavy, "local") in lines(seen, LOCAL)
    assert marked(heavy, "literal") in lines(seen, FLOAT64)
    assert marked(heavy, "both") in lines(seen, DIVISION) & lines(seen, ATOMIC)
    assert scaled.py_func.__code__.co_firstlineno + 2 in lines(seen, FLOAT64)
    assert seen["sm_90"].count(BARRIER) == 1


def test_each_architecture_says_what_it_needs(seen: Inspection) -> None:
    for compiled in seen.compiled.values():
        assert 10 < compiled.registers < 100
        assert (compiled.stack, compiled.spills, compiled.shared, compiled.barriers) == (256, 0, 0, 1)
        assert compiled.occupancy.share == 1
        assert f".target {compiled.arch}" in compiled.ptx
    assert list(seen.compiled) == ["sm_80", "sm_90", "sm_100"]


def test_of_several_architectures_the_one_that_needs_most_is_told(seen: Inspection) -> None:
    found = [{(use.kind, use.line): use.count for use in c.uses} for c in seen.compiled.values()]
    for use in seen.uses:
        assert use.count == max(counts.get((use.kind, use.line), 0) for counts in found)


def test_types_follow_from_the_arguments_of_a_launch() -> None:
    a = np.zeros((64, 64), np.float32)
    by_value = inspect(tiled, (cuda.to_device(a), a, a), ["sm_90"])
    assert by_value.kernel == "tiled(float32[:, :], float32[:, :], float32[:, :])"
    assert by_value["sm_90"].registers == inspect(tiled, [matrix] * 3, ["sm_90"])["sm_90"].registers
    assert (by_value["sm_90"].shared, by_value["sm_90"].count(BARRIER)) == (2 * 4 * TILE * TILE, 2)
    assert lines(by_value, VECTOR) == {marked(tiled, "vector")}
    assert not by_value.unasked_float64


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100"])
def test_one_compilation_for_all_gives_what_numba_gives_for_each(seen: Inspection, arch: str) -> None:
    capability = divmod(int(arch[3:]), 10)
    with backend.compiler(capability) as compiler:
        function = Compilable(compiler).function(heavy.py_func)
        types_ = (vector, types.Array(int32, 1, "C"))
        ptx, _ = compiler.compile_ptx(function, types_, cc=capability, lineinfo=True)
    assert instructions(ptx) == instructions(seen[arch].ptx)


def instructions(ptx: str) -> list[str]:
    """The body, without the names that Numba makes up."""
    body = ptx[ptx.index("{") : ptx.index("\n}")]
    return re.sub(r"_ZN[\w$]+|_cudapy_\w+|__local_depot\d+", "name", body).splitlines()


def test_float64_is_unasked_only_if_nobody_asked(seen: Inspection) -> None:
    assert {use.line.number for use in seen.unasked_float64 if use.line} >= {marked(heavy, "literal")}
    wide = types.Array(types.float64, 1, "C")
    asked = inspect(heavy, (wide, types.Array(int32, 1, "C")), ["sm_90"], sass=False)
    assert asked["sm_90"].count(FLOAT64)
    assert not asked.unasked_float64

    def named(x: Any) -> None:
        x[0] = np.float64(x[0]) * 0.3

    assert not inspect(named, [vector], ["sm_90"], sass=False).unasked_float64


def test_one_wide_element_is_no_vector() -> None:
    def copy(x: Any, y: Any) -> None:
        for i in range(4):
            y[cuda.grid(1) * 4 + i] = x[cuda.grid(1) * 4 + i]

    wide = types.Array(types.float64, 1, "C")
    compiled = inspect(copy, (wide, wide), ["sm_90"])["sm_90"]
    assert (compiled.count(VECTOR), compiled.count(FLOAT64)) == (0, 0)


def test_options_of_the_decorator_count() -> None:
    def root(x: Any) -> None:
        x[0] = x[1] / x[2]

    def ratio(x: Any, y: Any) -> Any:
        return x / y

    def of_device(x: Any) -> None:
        x[0] = fast_ratio(x[1], x[2])

    fast_ratio = cuda.jit(device=True, fastmath=True)(ratio)
    assert "div.approx" in inspect(of_device, [vector], ["sm_80"], sass=False)["sm_80"].ptx
    exact, fast = (cuda.jit(fastmath=fast)(root) for fast in (False, True))
    instructions = [inspect(k, [vector], ["sm_80"], sass=False)["sm_80"].ptx for k in (exact, fast)]
    assert [("div.rn.f32" in ptx, "div.approx" in ptx) for ptx in instructions] == [
        (True, False),
        (False, True),
    ]
    few = cuda.jit(max_registers=24)(tiled.py_func)
    free, bound = (inspect(k, [matrix] * 3, ["sm_80"], sass=False)["sm_80"].registers for k in (tiled, few))
    assert bound <= 24 < free


def in_cell(name: str, source: str) -> Any:
    """The function `f` of a notebook's cell, which has a name but no file."""
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    made: dict[str, Any] = {}
    exec(compile(source, name, "exec"), made)
    return made["f"]


def test_a_cell_without_a_file_has_lines_too() -> None:
    kernel = in_cell("<ipython-input-1>", "def f(x):\n    x[0] = x[1] * 0.3\n")
    (use,) = inspect(kernel, [vector], ["sm_90"], sass=False).unasked_float64
    assert str(use.line) == "line 2: x[0] = x[1] * 0.3"


PTX = """
.loc 1 7 1
    add.f32 %f1, %f2, %f3;
.loc 2 2 1, function_name $L__info_string0, inlined_at 1 8 1
    @%p1 mul.f64 %fd1, %fd2, %fd3;
.loc 1 3 1, function_name $L__info_string0, inlined_at 1 9 1
    mul.f64 %fd1, %fd2, %fd3;
.file 1 "/kernel.py"
.file 2 "/other.py"
"""
SASS = """
//## File "/kernel.py", line 7
  /*0000*/  LDG.E R0, desc[UR4][R2.64] ;
//## File "/other.py", line 2 inlined at "/kernel.py", line 8
//## File "/kernel.py", line 8
  /*0010*/  LDG.E.128 R4, desc[UR4][R2.64] ;
//## File "/kernel.py", line 3 inlined at "/kernel.py", line 9
//## File "/kernel.py", line 9
  /*0020*/  @P0 STS.64 [R2], R4 ;
"""


def test_what_is_inlined_counts_where_it_stands_in_the_file_or_is_called_from_there() -> None:
    found = [(use.line.number, use.count) for use in uses(PTX, "/kernel.py") if use.line]
    assert found == [(3, 1), (8, 1)]
    wide = [
        (use.line.number, use.instructions) for use in vector_accesses(SASS, PTX, "/kernel.py") if use.line
    ]
    assert wide == [(3, ("STS.64",)), (8, ("LDG.E.128",))]


def test_random_numbers_compile() -> None:
    def draw(states: Any, out: Any) -> None:
        out[0] = cuda.random.xoroshiro128p_uniform_float32(states, 0)

    states = np.zeros(1, np.dtype([("s0", np.uint64), ("s1", np.uint64)], align=True))
    assert inspect(draw, (states, np.zeros(1, np.float32)), ["sm_90"], sass=False)["sm_90"].registers


def test_text_and_page_say_the_same(seen: Inspection, capsys: pytest.CaptureFixture[str]) -> None:
    seen.show()
    text, html = capsys.readouterr().out, seen._repr_html_()
    for words in ("H100 (sm_90)", "occupancy at 256 threads", "Nobody asked for it", "atom.global.add.u32"):
        assert words in text
        assert words in html
    assert "(i % x.size, 1)" not in html.replace("bins, i % x.size, 1", "")
    assert re.search(rf'<th scope="row">{marked(heavy, "both")}</th><td><code>', html)


def test_what_the_compiler_refuses_is_said_with_its_line() -> None:
    def unknown(x: Any) -> None:
        x[0] = 1
        x.sort_it()

    with pytest.raises(
        CompilationError, match=r"unknown can't be compiled: .*'sort_it'.*line \d+: x.sort_it"
    ):
        inspect(unknown, [vector])
    with pytest.raises(TypeError, match="heavy takes x, bins, but the signature has 1 types"):
        inspect(heavy, [vector])
    with pytest.raises(ValueError, match="there is no architecture sm_10; there are: sm_80, sm_90, sm_100"):
        inspect(heavy, [vector, vector], ["sm_10"])


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcampus_kernels.inspection.tools.find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissingError, match=r"ptxas isn't installed: .*hpcampus-kernels\[inspect\]"):
        inspect(heavy, (vector, vector), ["sm_80"])


CODE = """
{first}
import numpy as np
from hpcampus_kernels import cuda, inspect
from hpcampus_kernels.simulator import simulate

@cuda.jit
def double(x):
    x[cuda.grid(1)] *= 2

x = np.ones(4, np.float32)
before = cuda.is_available()
print(inspect(double, [x], ["sm_90"])["sm_90"].registers > 0)
double[1, 4](x)
print(x.tolist(), simulate(double, 1, 4, x).findings, x.tolist())
"""


def python(folder: Path, first: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script = folder / "kernel.py"
    script.write_text(CODE.format(first=first), encoding="utf-8")
    argv = [sys.executable, "-W", "error", str(script)]
    return subprocess.run(argv, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_it_lives_with_the_simulator_also_where_numba_is_told_to_simulate(tmp_path: Path) -> None:
    for value in ("0", "1"):
        done = python(tmp_path, "", NUMBA_ENABLE_CUDASIM=value)
        assert done.stdout == "True\n[2.0, 2.0, 2.0, 2.0] () [4.0, 4.0, 4.0, 4.0]\n", done.stderr


def test_numbas_own_simulator_leaves_no_compiler_and_this_is_said(tmp_path: Path) -> None:
    done = python(tmp_path, "from numba import cuda", NUMBA_ENABLE_CUDASIM="1")
    assert "write `from hpcampus_kernels import cuda` instead" in done.stderr
