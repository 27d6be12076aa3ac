"""The package with nothing but what it requires: no numba-cuda, no plots, none of our other packages."""

import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import hpcampus_kernels
import pytest

README = (Path(__file__).parents[2] / "kernels/README.md").read_text(encoding="utf-8")


def required(name: str) -> set[str]:
    """The distributions that one needs without its extras, itself too."""
    wanted = [line for line in distribution(name).requires or () if "extra ==" not in line]
    names = [re.match(r"[\w.-]+", line) for line in wanted]
    return {name}.union(*(required(match[0]) for match in names if match))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to these packages, to be the only one on Python's path."""
    folder = tmp_path_factory.mktemp("alone")
    for name in required("hpcampus-kernels") - {"hpcampus-kernels"}:
        found = distribution(name)
        for top in {
            path.parts[0] for path in found.files or () if path.parts[0] not in ("..", "__pycache__")
        }:
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
    (folder / "hpcampus_kernels").symlink_to(Path(hpcampus_kernels.__file__).parent)
    return folder


def python(alone: Path, code: str) -> str:
    script = alone / "example.py"
    script.write_text(code, encoding="utf-8")
    argv = [sys.executable, "-S", "-W", "error", str(script)]
    environment = {"PYTHONPATH": str(alone), "PATH": "/usr/bin:/bin", "NUMBA_CACHE_DIR": str(alone)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_of_the_readme_run(alone: Path) -> None:
    examples = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shown = python(alone, "\n".join(example for example in examples if "inspect" not in example))
    assert shown.startswith("No GPU here")
    assert "race" in shown


def test_it_has_no_compiler_for_gpus_and_needs_none(alone: Path) -> None:
    code = (
        "import importlib.util as u, hpcampus_kernels as k\n"
        "assert not any(map(u.find_spec, ['numba_cuda', 'matplotlib', 'hpcampus_courses']))\n"
        "from hpcampus_kernels.check import judge\n"
        "from hpcampus_kernels.judging.submission import submission\n"
        "print([judge(submission(k.PROBLEMS[name].gpu), name).passed for name in list(k.PROBLEMS)[:4]])\n"
    )
    assert python(alone, code) == "[True, True, True, True]\n"


def test_it_says_what_to_install_for_the_compiler(alone: Path) -> None:
    code = (
        "from hpcampus_kernels import inspect\n"
        "def kernel(x): x[0] = 1\n"
        "try: inspect(kernel, [[1.0]])\n"
        "except ImportError as error: print(error)\n"
    )
    assert python(alone, code) == "numba-cuda isn't installed: pip install 'hpcampus-kernels[inspect]'\n"
