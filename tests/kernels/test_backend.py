"""The choice between GPU and simulator: by what is there, and by the variables that overrule it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import hpcampus_kernels
import pytest
from hpcampus_kernels import backend

PRINT = "import hpcampus_kernels as k; print(k.SIMULATED, k.cuda.__name__)"
OURS = "True hpcampus_kernels.simulated\n"
COMPILERS = ("numba.cuda", "numba.hip", "numba_cuda")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "CUDA" not in name}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_gpu_our_simulator_is_chosen_and_nothing_of_cuda_is_imported() -> None:
    code = f"{PRINT}; import sys; print('numba.cuda' in sys.modules)"
    done = python(code, CUDA_VISIBLE_DEVICES="")
    assert done.stdout == f"{OURS}False\n", done.stderr


def test_it_does_not_matter_who_imports_numba_cuda_first() -> None:
    for first in ("0", "1"):
        done = python(f"import numba.cuda; {PRINT}", CUDA_VISIBLE_DEVICES="", NUMBA_ENABLE_CUDASIM=first)
        assert done.stdout == OURS, done.stderr


def test_numbas_own_variable_asks_for_the_simulator_too() -> None:
    assert python(PRINT, NUMBA_ENABLE_CUDASIM="1").stdout == OURS


def test_our_variable_overrules() -> None:
    chosen = {"HPCAMPUS_CUDA": "numba-cuda", "CUDA_VISIBLE_DEVICES": ""}
    assert python(PRINT, **chosen, NUMBA_ENABLE_CUDASIM="1").stdout == "False numba.cuda\n"
    assert python(PRINT, HPCAMPUS_CUDA="simulator").stdout == OURS


@pytest.mark.parametrize(("told", "chosen"), [("1", "simulator"), ("0", "numba-cuda")])
def test_with_a_gpu_numbas_variable_decides(monkeypatch: pytest.MonkeyPatch, told: str, chosen: str) -> None:
    monkeypatch.setattr(backend, "_nvidia", lambda: True)
    monkeypatch.delenv("HPCAMPUS_CUDA", raising=False)
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", told)
    assert backend._choose() == chosen


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cuda", "it can be simulator, numba-cuda, numba-cuda-mlir, numba-hip"),
        ("numba-cuda-mlir", "which isn't installed: pip install numba-cuda-mlir"),
    ],
)
def test_what_cannot_be_chosen_is_said(name: str, words: str) -> None:
    assert words in python(PRINT, HPCAMPUS_CUDA=name).stderr


def test_no_module_imports_a_compiler_but_the_backend_which_looks_for_it_by_name() -> None:
    folder = Path(hpcampus_kernels.__file__).parent
    importers = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names += [f"{node.module}.{alias.name}" for alias in node.names]
            if any(name.startswith(COMPILERS) for name in names):
                importers.add(path.relative_to(folder).as_posix())
    assert importers == set()


def test_a_thread_is_named_in_as_few_numbers_as_needed() -> None:
    assert str(backend.Thread((0, 0, 0), (5, 0, 0))) == "thread 5 of block 0"
    assert str(backend.Thread((1, 2, 0), (5, 6, 7))) == "thread (5, 6, 7) of block (1, 2)"
