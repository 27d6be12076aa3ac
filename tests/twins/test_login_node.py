"""A cluster in a network of its own: the hub reaches a login node through SSH, and nothing else of it."""

import json
import os
import pwd
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import CampusUnderTest, wait_for
from hpcampus_hub.twin.accounting import listens
from hpcampus_spawner.launcher import birth
from login_node import LoginNode, campus_behind_login_node, masters
from production import HUB
from twins import as_user

pytestmark = [pytest.mark.slurm, pytest.mark.sudo, pytest.mark.ssh]

COURSE = "gpu-numba"
QUEUE = ["squeue", "--noheader", "--states=all", "--format=%i %T"]

Both = tuple[CampusUnderTest, LoginNode]


def with_tls() -> list[bool]:
    """What holds with certificates holds without them: that is tried where every site is tested."""
    return [True, False] if os.environ.get("CAMPUS_TWINS") == "all" else [True]


@pytest.fixture(scope="module", params=with_tls(), ids=lambda tls: "tls" if tls else "plain")
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    """One campus and its login node for all tests; Ada and Ben are learners there."""
    with campus_behind_login_node("ada", "ben", tls=request.param) as both:
        yield both


@pytest.fixture(scope="module")
def lesson(both: Both) -> str:
    """Since when Ada's lesson runs; it must outlive whatever the tests do."""
    return start(both[0], "ada")


def start(campus: CampusUnderTest, name: str) -> str:
    """Start a lesson and wait for it; returns since when the server says that it runs."""
    person = campus.person(name)
    person.start(COURSE, {"course": COURSE})
    person.until_ready(COURSE)
    return person.server_started(COURSE)


def until_there_again(campus: CampusUnderTest, lesson: str) -> None:
    """Wait until Ada's browser finds the very same server through the hub's proxy."""

    def started() -> str | None:
        try:
            return campus.person("ada").server_started(COURSE)
        except AssertionError:
            return None

    wait_for(lambda: started() == lesson, "the same server is reached again", 90)


def jobs(node: LoginNode) -> dict[str, str]:
    """The state of each job, asked inside."""
    listed = node.inside.call(as_user, "ada", *QUEUE, **node.twin.environment).stdout.splitlines()
    return dict(line.split() for line in listed)


def kill(pids: list[int]) -> None:
    """End these processes and wait for it."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(birth(pid) is None for pid in pids), "they have ended")


def test_start_and_stop(both: Both) -> None:
    """The job runs inside, the browser reaches it through the hub, and Stop ends it."""
    campus, node = both
    scheduler = re.search(r"SlurmctldPort=(\d+)", (node.twin.folder / "slurm.conf").read_text())
    assert scheduler is not None
    where = ("127.0.0.1", int(scheduler[1]))
    assert node.inside.call(listens, socket.AF_INET, where)
    assert not listens(socket.AF_INET, where), "the scheduler is here: this test shows nothing"
    before = set(jobs(node))
    start(campus, "ben")
    (job,) = set(jobs(node)) - before
    campus.person("ben").stop(COURSE)
    wait_for(lambda: jobs(node).get(job, "CANCELLED") == "CANCELLED", "the job is cancelled")


def some_die() -> list[tuple[str, ...]]:
    """The worst case in CI, all of them where every site is tested."""
    alone: list[tuple[str, ...]] = [("ssh",), ("hub",)]
    return [*(alone if os.environ.get("CAMPUS_TWINS") == "all" else []), ("hub", "ssh")]


# A hub that is killed amid a TLS handshake leaves a socket to urllib3 that it doesn't close.
@pytest.mark.filterwarnings("default:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("default:unclosed .*SSLSocket:ResourceWarning")
@pytest.mark.parametrize("dies", some_die())
def test_whatever_dies_the_server_is_found_again(both: Both, lesson: str, dies: tuple[str, ...]) -> None:
    """Fault: SIGKILL for the connection, the hub or both. Kept: the server, reached as before."""
    campus, _ = both
    if "hub" in dies:
        campus.kill()
    if "ssh" in dies:
        kill(masters())
    if "hub" in dies:
        campus.start()
    until_there_again(campus, lesson)


def test_a_login_node_that_is_away_ends_nothing(both: Both, lesson: str) -> None:
    """Fault: sshd and all connections are gone for a while. Kept: the job, and its server."""
    campus, node = both
    node.stop()
    ben = campus.person("ben")
    answer = ben.api("POST", f"users/ben/servers/{COURSE}", json={"course": COURSE})
    assert answer.status_code in (202, 503), answer.text
    wait_for(lambda: ben.model(COURSE) is None, "ben's start has failed", 60)
    assert campus.person("ada").until_ready(COURSE)
    node.start()
    until_there_again(campus, lesson)
    assert [state for state in jobs(node).values() if state == "RUNNING"] == ["RUNNING"]


def test_who_has_no_account_there_is_told_so(both: Both) -> None:
    """The hub knows the accounts of its own machine only; the login node says no, in words."""
    campus, _ = both
    ines = campus.person("ines")
    answer = ines.api("POST", f"users/ines/servers/{COURSE}", json={"course": COURSE})
    said = answer.json() if answer.status_code == 400 else list(ines.events(COURSE))
    assert "no Unix account ines on this cluster" in json.dumps(said)


def ssh(campus: CampusUnderTest, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """What somebody could do who has taken over the hub's account."""
    entry = pwd.getpwnam(HUB)
    config = campus.settings.state / "ssh" / "leonardo" / "config"
    return subprocess.run(
        ["ssh", "-T", "-F", str(config), *words],
        input=stdin,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_key_opens_nothing_but_the_door(both: Both) -> None:
    """Another command, a shell, a terminal, an agent: the door answers, or nobody does."""
    campus, _ = both
    for words in (["campus", "id"], ["-tt", "campus"], ["-s", "campus", "sftp"]):
        done = ssh(campus, *words, stdin="id\n")
        assert "uid=" not in done.stdout
        assert done.returncode != 0
    taken = ssh(campus, "-O", "forward", "-R", "0.0.0.0:9999:127.0.0.1:1", "campus")
    assert taken.returncode != 0


@pytest.mark.parametrize(
    "said",
    [
        'as root\n{"verb": "scancel", "job_id": "1"}',
        'as ines\n{"verb": "scancel", "job_id": "1"}',
        'as -u\n{"verb": "scancel", "job_id": "1"}',
        'as hpcampus-t-door\n{"verb": "scancel", "job_id": "1"}',
        'ask\n["scancel", "1"]',
        'ask\n["scontrol", "update", "job", "1"]',
        'ask\n["squeue", "-o", "/etc/passwd"]',
        'ask\n["sh", "-c", "id"]',
        "\n",
        "",
    ],
)
def test_the_door_refuses_what_a_hub_would_not_say(both: Both, said: str) -> None:
    done = ssh(both[0], "campus", stdin=said)
    assert set(json.loads(done.stdout)) == {"not_allowed"}


def test_another_host_is_not_believed(both: Both, tmp_path: Path) -> None:
    """A login node with an unknown key gets nothing, not even the question."""
    campus, node = both
    node.know("other")
    kill(masters())
    try:
        done = ssh(campus, "campus", stdin='ask\n["squeue"]')
        assert done.returncode == 255
        assert "Host key verification failed" in done.stderr
    finally:
        node.know("host")
    wait_for(lambda: ssh(campus, "campus", stdin='ask\n["squeue"]').returncode == 0, "all is well again", 30)


@pytest.mark.usefixtures("lesson")
def test_nothing_of_a_learners_is_in_a_command_line() -> None:
    """The hub's process for this connection says only where it goes."""
    for pid in masters():
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        assert not any("ada" in word or "ticket" in word for word in words)
