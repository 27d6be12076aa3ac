"""The choice between GPU and simulator is made before Numba makes it, and can be overruled."""

import os
import subprocess
import sys

import pytest
from hpcampus_kernels import backend

SIMULATOR = "NUMBA_ENABLE_CUDASIM"


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_gpu_the_simulator_is_chosen() -> None:
    done = python("import hpcampus_kernels as k; print(k.SIMULATED, k.device())", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True No GPU here")


def test_it_works_after_numba_was_imported() -> None:
    done = python("import numba, hpcampus_kernels as k; print(k.SIMULATED)", CUDA_VISIBLE_DEVICES="-1")
    assert done.stdout == "True\n", done.stderr


def test_too_late_is_said_clearly() -> None:
    done = python("import numba.cuda, hpcampus_kernels", CUDA_VISIBLE_DEVICES="")
    assert done.returncode != 0
    assert "restart the kernel and import hpcampus_kernels first" in done.stderr


def test_the_variable_overrules() -> None:
    done = python(
        "import hpcampus_kernels as k; print(k.SIMULATED)", **{SIMULATOR: "0", "CUDA_VISIBLE_DEVICES": ""}
    )
    assert done.stdout == "False\n", done.stderr


def test_only_the_backend_imports_cuda() -> None:
    code = (
        "import ast, pathlib, hpcampus_kernels\n"
        "for path in pathlib.Path(hpcampus_kernels.__file__).parent.rglob('*.py'):\n"
        "    for node in ast.walk(ast.parse(path.read_text())):\n"
        "        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []\n"
        "        if isinstance(node, ast.ImportFrom):\n"
        "            names += [f'{node.module}.{a.name}' for a in node.names]\n"
        "        if any(name.startswith(('numba.cuda', 'numba_cuda')) for name in names): print(path.name)\n"
    )
    assert set(python(code).stdout.split()) == {"backend.py"}


@pytest.mark.skipif(not backend.SIMULATED, reason="there is a GPU")
def test_a_thread_is_named_in_as_few_numbers_as_needed() -> None:
    assert str(backend.Thread((0, 0, 0), (5, 0, 0))) == "thread 5 of block 0"
    assert str(backend.Thread((1, 2, 0), (5, 6, 7))) == "thread (5, 6, 7) of block (1, 2)"
