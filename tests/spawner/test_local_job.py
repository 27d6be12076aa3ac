"""A local job from start to end: it is given its time, and leaves nothing running."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hpcampus_spawner.launcher import birth

# The one thing changed is the patience with processes that don't end when asked.
RUN = (
    "import sys; from hpcampus_spawner import local_job; local_job.GRACE_SECONDS = 0.5; "
    "sys.exit(local_job.main(sys.argv[1], int(sys.argv[2])))"
)
Start = Callable[..., subprocess.Popen[bytes]]
SPAWN_ID = uuid4().hex


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".hpcampus" / "spawns" / SPAWN_ID
    folder.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, seconds: int = 60, before: str = "") -> subprocess.Popen[bytes]:
        (folder(home) / "job.sh").write_text(script)
        process = subprocess.Popen(
            [sys.executable, "-c", before + RUN, SPAWN_ID, str(seconds)],
            env={"HOME": str(home), "PATH": os.environ["PATH"]},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


TELL = (
    # Time stands still until the job is ready for the signal.
    "import time; from pathlib import Path; ready = Path.home() / 'ready'; "
    "time.monotonic = lambda: 595.0 if ready.exists() else 0.0; "
)


def folder(home: Path) -> Path:
    return home / ".hpcampus" / "spawns" / SPAWN_ID


def exit_code(home: Path) -> int:
    return int((folder(home) / "exit").read_text())


def wait_for(question: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not question():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def noted(home: Path, count: int) -> list[int]:
    """The PIDs that the job's processes wrote down, once there are that many."""
    pids = home / "pids"
    wait_for(lambda: pids.exists() and pids.read_text().count("\n") == count, f"{count} processes")
    return [int(line) for line in pids.read_text().splitlines()]


def test_the_exit_code_is_the_jobs(start: Start, home: Path) -> None:
    assert start("exit 7").wait(20) == 0
    assert exit_code(home) == 7


def test_it_runs_at_home_as_a_log_in_would(start: Start, home: Path) -> None:
    (home / ".bash_profile").write_text("export FROM_PROFILE=yes\n")
    start('echo "$PWD $FROM_PROFILE" > seen').wait(20)
    assert (home / "seen").read_text() == f"{home} yes\n"


def test_when_the_time_is_over_the_job_ends(start: Start, home: Path) -> None:
    start("echo $$ >> pids; exec sleep 600", seconds=1).wait(20)
    assert exit_code(home) == 124
    assert birth(noted(home, 1)[0]) is None


WAITS_FOR_THE_SIGNAL = (
    "import signal, sys; from pathlib import Path; "
    "signal.signal(signal.SIGUSR1, lambda number, frame: sys.exit(9)); Path('ready').touch(); signal.pause()"
)


def test_a_while_before_its_end_the_job_is_told(start: Start, home: Path) -> None:
    start(f'exec {sys.executable} -c "{WAITS_FOR_THE_SIGNAL}"', seconds=600, before=TELL).wait(20)
    assert exit_code(home) == 9


def test_a_job_that_waits_for_no_signal_does_not_die_of_it(start: Start, home: Path) -> None:
    start("touch ready; sleep 0.5; exit 4", seconds=600, before=TELL).wait(20)
    assert exit_code(home) == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_ends_the_job(start: Start, home: Path, number: signal.Signals) -> None:
    process = start("echo $$ >> pids; exec sleep 600")
    (pid,) = noted(home, 1)
    process.send_signal(number)
    process.wait(20)
    assert exit_code(home) == -number
    assert birth(pid) is None


def test_asked_again_and_again_it_still_ends_everything(start: Start, home: Path) -> None:
    process = start("trap '' TERM; echo $$ >> pids; while true; do sleep 0.1; done")
    (pid,) = noted(home, 1)
    while process.poll() is None:
        process.terminate()
        time.sleep(0.001)
    assert exit_code(home) == -signal.SIGTERM
    assert birth(pid) is None


DAEMON = "(setsid bash -c '{}echo $$ >> pids; while true; do sleep 0.1; done' </dev/null >/dev/null 2>&1 &)\n"


@pytest.mark.parametrize("deaf", ["", 'trap "" TERM HUP; '], ids=["polite", "deaf"])
def test_children_that_went_their_own_way_end_with_the_job(start: Start, home: Path, deaf: str) -> None:
    daemon = DAEMON.format(deaf)
    process = start(
        ": > pids\n" + daemon * 3 + "while [ $(wc -l < pids) -lt 3 ]; do sleep 0.05; done\nexit 0\n"
    )
    pids = noted(home, 3)
    assert process.wait(20) == 0
    assert exit_code(home) == 0
    assert [pid for pid in pids if birth(pid) is not None] == []
