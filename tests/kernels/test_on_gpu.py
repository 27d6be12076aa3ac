"""What only happens where there is a GPU, as far as it can be tried without one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hpcampus_kernels import PROBLEMS, Case, backend, check, cuda
from hpcampus_kernels.inspection import ToolMissingError
from hpcampus_kernels.judging import judge, sanitizer
from hpcampus_kernels.judging.on_gpu import GpuRunner
from hpcampus_kernels.judging.sanitizer import Said, parsed, watched
from hpcampus_kernels.judging.speed import typical
from hpcampus_kernels.judging.submission import submission

ROOT = Path(__file__).parents[2]
# CUDA's limit for a grid along y and z.
MOST_BLOCKS_ABOVE = 65_535
FULL, RAGGED = [Case((64,), (2,), (32,))], [Case((100,), (4,), (32,))]

# What compute-sanitizer writes, in the form that its documentation describes.
MEMCHECK = """========= COMPUTE-SANITIZER
========= Invalid __global__ write of size 4 bytes
=========     at add+0x110 in cell.py:5
=========     by thread (4,0,0) in block (3,0,0)
=========     Address 0x7f0000000190 is out of bounds
=========
========= Invalid __global__ write of size 4 bytes
=========     at add+0x110 in cell.py:5
=========     by thread (5,0,0) in block (3,0,0)
=========
========= ERROR SUMMARY: 28 errors
"""
RACECHECK = """========= COMPUTE-SANITIZER
========= Error: Race reported between Write access at total+0x3c0 in cell.py:9
=========     and Read access at total+0x440 in cell.py:11 [256 hazards]
=========
========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)
"""
SYNCCHECK = """========= COMPUTE-SANITIZER
========= Barrier error detected. Divergent thread(s) in block.
=========     at half+0x1b0 in cell.py:8
=========     by thread (0,0,0) in block (0,0,0)
=========
========= ERROR SUMMARY: 32 errors
"""
QUIET = (
    "========= COMPUTE-SANITIZER\n========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 3 warnings)\n"
)


@cuda.jit
def add(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    if i < out.size:
        out[i] = x[i] + y[i]


@cuda.jit
def add_without_guard(x: Any, y: Any, out: Any) -> None:
    i = cuda.grid(1)
    out[i] = x[i] + y[i]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for compute-sanitizer on PATH, where a machine has none."""
    monkeypatch.setenv("PATH", f"{ROOT / 'tests/support'}{os.pathsep}{os.environ['PATH']}")


def test_its_output_is_read() -> None:
    found = parsed("memcheck", MEMCHECK)
    assert (found.errors, len(found.sentences)) == (28, 2)
    assert found.sentences[0] == "Invalid __global__ write of size 4 bytes at add+0x110 in cell.py:5"
    found = parsed("racecheck", RACECHECK)
    assert (found.errors, len(found.sentences)) == (1, 1)
    assert found.sentences[0].startswith("Race reported between Write access at total+0x3c0")
    found = parsed("synccheck", SYNCCHECK)
    assert found.errors == 32
    assert found.sentences[0].startswith("Barrier error detected. Divergent thread(s) in block. at half")
    assert parsed("racecheck", QUIET) == Said("racecheck", 0)


def test_output_without_an_end_is_a_failure_and_no_verdict() -> None:
    failed = parsed("memcheck", "========= COMPUTE-SANITIZER\n========= Error: no device\n")
    assert failed.errors is None
    point = sanitizer.point([failed, Said("racecheck", 0)], 0)
    assert (point.passed, point.possible) == (True, 1)
    assert "memcheck failed" in point.words


@pytest.mark.usefixtures("program")
def test_a_launch_is_watched_in_a_process_of_its_own() -> None:
    for kernel, errors in ((add, 0), (add_without_guard, 1)):
        task = judge.launch(PROBLEMS["vector_add"], RAGGED[0], seed=1)
        assert watched(submission(kernel), task, "memcheck").errors == errors


@pytest.mark.usefixtures("program")
def test_a_check_on_a_gpu_gives_its_verdict_and_the_share_of_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "SIMULATED", False)
    monkeypatch.setattr(GpuRunner, "work", 1e3)
    verdict = check(add, "vector_add", FULL, require={"sanitizer": 0, "speed": 1e-9})
    assert verdict.passed, str(verdict)
    assert verdict["sanitizer"].state == "passed: 4 of 4 tools"
    verdict = check(add_without_guard, "vector_add", RAGGED, require={"sanitizer": 0})
    assert verdict["sanitizer"].state == "failed: 1 of 4 tools"
    assert "memcheck counts 1 errors: Invalid __global__ read" in verdict["sanitizer"].words
    slow = check(add, "vector_add", FULL, require={"speed": 1e9})["speed"]
    assert "times the speed of a copy of as many bytes" in slow.words


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_launch_that_is_timed_is_one_that_gpus_can_do(name: str) -> None:
    problem = PROBLEMS[name]
    case = typical(problem, GpuRunner.work)
    assert problem.bytes_moved(case.size) + problem.flops(case.size) >= GpuRunner.work
    assert (*case.grid, 1)[1] <= MOST_BLOCKS_ABOVE


def test_without_a_gpu_or_the_program_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(add, "vector_add", FULL, require={"sanitizer": 0})["sanitizer"].state == "not checked here"
    monkeypatch.setattr(sanitizer, "find", missing)
    task = judge.launch(PROBLEMS["vector_add"], FULL[0], seed=1)
    assert GpuRunner(submission(add)).watched(task) == []


def missing(program: str, package: str) -> Any:
    raise ToolMissingError(f"{program} isn't installed: pip install {package}")


def test_the_benchmark_says_that_it_needs_a_gpu() -> None:
    argv = [sys.executable, str(ROOT / "benchmarks/kernels_gpu.py"), "saxpy"]
    environment = os.environ | {"HPCAMPUS_CUDA": "simulator"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "This benchmark measures GPUs: run it where there is one" in done.stdout
