"""What a newcomer does first: `make up` in a fresh copy, without root, and Ctrl-C at the end."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from campus_under_test import Somebody, free_port, private_folder, wait_for
from house import ROOT, files

PREPARING, STARTING, STOPPING = 300, 90, 60
AS_ROOT = os.geteuid() == 0
NOBODY: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if AS_ROOT else {}


@pytest.fixture(scope="module")
def fresh_copy() -> Iterator[Path]:
    """The repository as a clone has it, in a folder of its own, prepared but never started."""
    folder = private_folder()
    for path in files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    prepared = subprocess.run(
        ["make", "environment"], cwd=folder, capture_output=True, text=True, timeout=PREPARING, check=False
    )
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    yield folder
    shutil.rmtree(folder)


def running_below(folder: Path) -> list[str]:
    """The command lines that name something in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def password_of(name: str, said: str) -> str:
    """The password that `make up` printed for somebody."""
    (line,) = [line for line in said.splitlines() if line.split()[:1] == [name]]
    return line.split()[1]


@pytest.mark.parametrize(
    ("site", "become"),
    [
        pytest.param("local", NOBODY, id="local"),
        pytest.param("leonardo", {}, id="leonardo", marks=pytest.mark.slurm),
    ],
)
def test_make_up_starts_at_once_and_ctrl_c_ends_everything(
    fresh_copy: Path, site: str, become: dict[str, Any]
) -> None:
    if AS_ROOT:
        owner = f"{become.get('user', 'root')}:{become.get('group', 'root')}"
        subprocess.run(["chown", "-R", owner, str(fresh_copy)], check=True)
    # Where pytest was started in the background Ctrl-C is ignored, and our children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    port = free_port()
    printed = fresh_copy / f"printed-{site}.txt"
    with printed.open("wb") as output:
        make = subprocess.Popen(
            ["make", "up", f"SITE={site}", f"PORT={port}"],
            cwd=fresh_copy,
            env={"PATH": os.environ["PATH"], "HOME": str(fresh_copy), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **become,
        )
    try:
        wait_for(lambda: "Ctrl-C stops" in printed.read_text() or make.poll() is not None, "up", STARTING)
        said = printed.read_text()
        assert f"HPCampus is up: http://127.0.0.1:{port}" in said, said
        assert all(name in said for name in ("ada", "ines", "rosa", "otto"))
        assert "Installing" not in said, "what was prepared is not prepared again"
        ada = Somebody(f"http://127.0.0.1:{port}", "ada", password_of("ada", said))
        ada.start("gpu-numba", {"course": "gpu-numba"})
        ada.until_ready("gpu-numba")
        assert any("hpcampus_spawner.server" in line for line in running_below(fresh_copy))
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGINT)
            make.wait(STOPPING)
    assert running_below(fresh_copy) == []
