import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hpcampus_hub.twin import processes
from hpcampus_hub.twin.waiting import wait_for

MARK, VALUE = "HPCAMPUS_TEST_MARK", f"test-{os.getpid()}"
# A parent that starts a child without its environment, in a session of its own.
PARENT = """
import subprocess
subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True)
print("started", flush=True)
input()
"""


def ours(pid: int) -> bool:
    return processes.was_given(pid, MARK, VALUE)


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={MARK: VALUE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        yield parent
        processes.end(lambda: processes.family(ours), 10)


def test_a_family_is_found_by_its_mark_with_children_that_lost_it(parent: subprocess.Popen[str]) -> None:
    found = processes.family(ours)
    assert parent.pid in {process.pid for process in found}
    (child,) = [process for process in found if process.parent == parent.pid]
    assert not ours(child.pid)
    assert processes.end(lambda: processes.family(ours), 10) == []
    assert parent.wait() == -9
    assert child not in processes.everything()


def test_another_mark_is_not_ours(parent: subprocess.Popen[str]) -> None:
    assert processes.family(lambda pid: processes.was_given(pid, MARK, VALUE + "0")) == []
    assert processes.family(lambda pid: processes.was_given(pid, MARK, VALUE[:-1])) == []


def test_the_caller_is_never_part_of_the_family() -> None:
    assert os.getpid() not in {process.pid for process in processes.family(lambda pid: pid == os.getpid())}


def test_a_pid_that_changed_hands_is_not_killed(parent: subprocess.Popen[str]) -> None:
    (now,) = [process for process in processes.everything() if process.pid == parent.pid]
    earlier = now._replace(started=now.started - 1)
    assert processes.end(lambda: [earlier], 0.2) == [earlier]
    assert parent.poll() is None
    processes.end(lambda: processes.family(ours), 10)


def test_a_process_that_has_ended_is_no_error(parent: subprocess.Popen[str]) -> None:
    (now,) = [process for process in processes.everything() if process.pid == parent.pid]
    found = iter([[now], [now], []])
    processes.end(lambda: processes.family(ours), 10)
    parent.wait()
    assert processes.end(lambda: next(found), 10) == []


def test_a_command_is_known_by_where_it_works(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with subprocess.Popen(["sleep", "1000"], cwd=inside) as sleeper:
        assert wait_for(lambda: processes.works_in(sleeper.pid, tmp_path, "sleep"), 60)
        assert not processes.works_in(sleeper.pid, tmp_path, "slurmstepd")
        assert not processes.works_in(sleeper.pid, tmp_path / "ins", "sleep")
        sleeper.kill()
