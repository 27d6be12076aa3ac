"""`campus twin` as a person uses it: Ctrl-C, a closed terminal, a crash."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import private_folder
from hpcampus_hub.twin import Twin, processes
from hpcampus_hub.twin.waiting import wait_for
from twins import as_user, site

CAMPUS = Path(sys.executable).with_name("campus")
SECONDS = 60


@pytest.fixture
def place() -> Iterator[Path]:
    place = private_folder()
    try:
        yield place
    finally:
        processes.end(Twin(site("leonardo"), place / "twin").processes, SECONDS)
        shutil.rmtree(place)


def campus_twin(place: Path) -> subprocess.Popen[bytes]:
    """`campus twin leonardo`, when it says that it is up."""
    with (place / "said").open("wb") as said:
        process = subprocess.Popen([CAMPUS, "twin", "leonardo", "--folder", place / "twin"], stdout=said)
    assert wait_for(lambda: "Ctrl-C" in said_by(place) or process.poll() is not None, SECONDS)
    return process


def said_by(place: Path) -> str:
    return (place / "said").read_text()


def start_job(place: Path) -> Twin:
    """The twin in that folder, with a job of root's running on it."""
    twin = Twin(site("leonardo"), place / "twin")
    options = ["--account=training", "--partition=boost_usr_prod", "--gres=gpu:1", "--output=/dev/null"]
    sent = as_user("root", "sbatch", *options, "--wrap=sleep 1000", **twin.environment)
    assert sent.returncode == 0, sent.stderr
    assert wait_for(lambda: b"sleep" in {command(process.pid) for process in twin.processes()}, SECONDS)
    return twin


def command(pid: int) -> bytes:
    """What runs; nothing if it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return b""


@pytest.mark.slurm
def test_it_says_how_to_use_it_and_ctrl_c_ends_everything(place: Path) -> None:
    process = campus_twin(place)
    assert f"export SLURM_CONF={place}/twin/slurm.conf" in said_by(place)
    assert "boost_usr_prod" in said_by(place)
    assert "root can use --account=training" in said_by(place)
    twin = start_job(place)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 0
    assert twin.processes() == []


@pytest.mark.slurm
def test_a_start_after_a_crash_ends_what_was_left(place: Path) -> None:
    crashed = campus_twin(place)
    twin = start_job(place)
    crashed.kill()
    crashed.wait()
    left = twin.processes()
    assert {b"sleep", b"slurmstepd: [1.batch]"} <= {command(process.pid) for process in left}
    again = campus_twin(place)
    assert not set(left) & set(twin.processes())
    assert as_user("root", "squeue", "--noheader", **twin.environment).stdout == ""
    again.send_signal(signal.SIGTERM)
    assert again.wait(SECONDS) == 0
    assert twin.processes() == []


def test_an_unknown_site_is_answered_with_the_known_ones() -> None:
    done = subprocess.run([CAMPUS, "twin", "atlantis"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no site 'atlantis'" in done.stderr
    assert "leonardo" in done.stderr


@pytest.mark.root
def test_a_site_without_slurm_says_so() -> None:
    done = subprocess.run([CAMPUS, "twin", "local"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "doesn't run Slurm" in done.stderr
    assert "Traceback" not in done.stderr
