"""The environment as one file: made by the real script, mounted by another Unix account."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from campus_under_test import private_folder
from hpcampus_spawner import image

PACK = Path(__file__).parents[2] / "tools" / "pack_environment.sh"
LOOK = """
import os, subprocess, sys
from pathlib import Path
from hpcampus_spawner import image
image.sys.prefix = sys.argv[1]
with image.environment(Path(sys.argv[2])) as folder:
    print(folder)
    # As when a scheduler ends a job: every process gets the signal, while the server still saves notebooks.
    subprocess.run(["/usr/bin/pkill", "-TERM", "-P", str(os.getpid())])
    print((folder / "lib" / "answer.py").read_text())
    print(sorted(os.listdir(folder)))
print(os.listdir(sys.argv[2]))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts can pass through."""
    folder = private_folder()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def venv(folder: Path) -> Path:
    """A small environment."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "lib").mkdir()
    (venv / "lib" / "answer.py").write_text("42")
    return venv


@pytest.fixture
def look(folder: Path, venv: Path) -> Callable[..., list[str]]:
    """Runs from the environment as `nobody`; answers what was seen, line by line."""
    private = folder / "private"
    private.mkdir(mode=0o700)
    subprocess.run(["chown", "nobody", str(private)], check=True)

    def look(path: str = os.environ["PATH"]) -> list[str]:
        argv = [sys.executable, "-c", LOOK, str(venv), str(private)]
        done = subprocess.run(
            argv, user="nobody", env={"PATH": path}, capture_output=True, text=True, check=True, cwd="/"
        )
        return done.stdout.splitlines()

    return look


def pack(venv: Path) -> None:
    subprocess.run([PACK, venv], check=True, capture_output=True)


@pytest.mark.image
def test_a_job_runs_from_the_image_and_leaves_nothing_behind(
    venv: Path, look: Callable[..., list[str]]
) -> None:
    pack(venv)
    (venv / "lib" / "answer.py").write_text("43")
    where, answer, names, left = look()
    assert Path(where).name == "environment"
    assert Path(where) != venv
    assert answer == "42"
    assert names == "['bin', 'lib']"
    assert left == "[]"
    pack(venv)
    assert look()[1] == "43"
    assert len(list(venv.glob("environment-*.squashfs"))) == 2
    # Without the programs, or without an image, jobs run from the environment as it lies.
    said, where, *_ = look(path="/nowhere")
    assert ("can't mount" in said, where) == (True, str(venv))


@pytest.mark.root
def test_without_an_image_the_environment_is_used_as_it_lies(
    venv: Path, look: Callable[..., list[str]]
) -> None:
    assert look()[0] == str(venv)


@pytest.mark.root
def test_a_broken_image_costs_time_and_nothing_else(venv: Path, look: Callable[..., list[str]]) -> None:
    (venv / image.IMAGE).write_bytes(b"not an image")
    said, where, *_ = look()
    assert ("can't mount" in said, where) == (True, str(venv))
