"""Attacks on a real Slurm with accounts, where learners are Unix users: Ada works, Ben pries."""

import json
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from campus_under_test import CampusUnderTest, Somebody, wait_for
from twins import as_root, as_user, commands, full_cluster, jobs, twin_campus
from what_is_secret import of_files, of_processes, token_of

pytestmark = pytest.mark.slurm

COURSE = "gpu-numba"
ACCOUNT = "tra24_campus"
PARTITION = "boost_usr_prod"
LOOK_AROUND = Path(__file__).parent / "programs" / "look_around.py"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with twin_campus() as campus:
        yield campus


@pytest.fixture(scope="module")
def rosa(campus: CampusUnderTest) -> Somebody:
    return campus.person("rosa")


def refusal_of_slurm(campus: CampusUnderTest, name: str, *options: str) -> str:
    """What Slurm itself says to that user."""
    argv = ["sbatch", f"--partition={PARTITION}", "--time=1", "--wrap=true", *options]
    done = as_user(name, *argv, **commands(campus))
    assert done.returncode != 0, f"Slurm accepted {options}"
    return done.stderr


def start(person: Somebody, server: str = "", **options: object) -> requests.Response:
    path = f"users/{person.name}/servers/{server}" if server else f"users/{person.name}/server"
    return person.api("POST", path, json=options)


@pytest.mark.parametrize("option", ["account", "qos", "Account", "--account"])
def test_nobody_names_an_account_or_a_qos(campus: CampusUnderTest, rosa: Somebody, option: str) -> None:
    """Who pays is the operators' to say; and Slurm refuses those that aren't Rosa's."""
    before = jobs(campus)
    answer = start(rosa, **{option: "root"})
    assert answer.status_code == 400
    assert "Unknown option" in answer.json()["message"]
    assert "refused to start" in campus.log
    assert jobs(campus) == before
    if option in ("account", "qos"):
        wanted = {"account": ["--account=root"], "qos": [f"--account={ACCOUNT}", "--qos=boost_qos_none"]}
        assert "Invalid" in refusal_of_slurm(campus, "rosa", *wanted[option])


def test_a_reservation_of_others_is_refused_by_us_and_by_slurm(
    campus: CampusUnderTest, rosa: Somebody
) -> None:
    when = ["StartTime=now", "Duration=60", "NodeCnt=1", f"PartitionName={PARTITION}"]
    as_root(commands(campus), "scontrol", "create", "reservation", "ReservationName=bens", "Users=ben", *when)
    try:

        def refused_as_bens() -> bool:
            answer = start(rosa, reservation="bens", gpus=1)
            assert answer.status_code == 400
            # Until the scheduler has been asked again it is a reservation that isn't there.
            return "is for other people or projects" in answer.json()["message"]

        wait_for(refused_as_bens, "the hub knows the reservation", 90)
        assert "refused to start rosa" in campus.log
        assert "is for other people or projects" in campus.log
        said = refusal_of_slurm(campus, "rosa", f"--account={ACCOUNT}", "--gres=gpu:1", "--reservation=bens")
        assert "reservation" in said.lower()
    finally:
        as_root(commands(campus), "scontrol", "delete", "ReservationName=bens")


def test_an_account_without_the_right_to_it_is_refused_by_slurm_in_its_own_words(
    campus: CampusUnderTest,
) -> None:
    """The hub doesn't know Slurm's associations: it hands on the refusal, and nothing is left."""
    ben = campus.person("ben")
    as_root(commands(campus), "sacctmgr", "-i", "delete", "user", "ben", f"account={ACCOUNT}")
    try:
        before = jobs(campus)
        answer = start(ben, COURSE, course=COURSE)
        wait_for(lambda: ben.model(COURSE) is None, "the start has failed")
        # A start that takes longer than a second is answered before it has failed: then the page says it.
        shown = answer.text if answer.status_code >= 400 else ben.get(f"/hub/spawn-pending/ben/{COURSE}").text
        assert "Invalid account" in shown
        assert "Invalid account" in campus.log
        assert jobs(campus) == before
    finally:
        as_root(commands(campus), "sacctmgr", "-i", "add", "user", "ben", f"account={ACCOUNT}")


def started(campus: CampusUnderTest) -> tuple[Somebody, str]:
    """Ada with a running server, and its job."""
    ada = campus.person("ada")
    if ada.model(COURSE) is None:
        ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    return ada, next(job for job, state in jobs(campus).items() if state == "RUNNING")


def looked_around(campus: CampusUnderTest, job: str, since: float) -> str:
    """All that Ben finds."""
    folders = [str(campus.settings.state), "/tmp", "/dev/shm", "/run"]
    argv = [sys.executable, "-I", str(LOOK_AROUND), job, str(since), *folders]
    account = pwd.getpwnam("ben")
    done = subprocess.run(
        argv,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd=account.pw_dir,
        env={"PATH": os.defpath, "HOME": account.pw_dir, **commands(campus)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace")


def test_another_user_finds_no_secret_on_the_machine(campus: CampusUnderTest) -> None:
    """While Ada's job waits, and while it runs: Slurm's answers, processes, spool, homes, /tmp and logs."""
    since = time.time() - 60
    ada = campus.person("ada")
    home = Path(pwd.getpwnam("ada").pw_dir)
    secrets = {**of_files(campus.settings.state), **of_processes(campus)}
    with full_cluster(campus):
        ada.start(COURSE, {"course": COURSE})
        (ticket,) = wait_for(lambda: list(home.glob(".hpcampus/spawns/*/ticket.json")), "Ada's job waits")
        secrets["secret of a report"] = json.loads(ticket.read_text())["secret"]
        (job,) = [job for job, state in jobs(campus).items() if state == "PENDING"]
        waiting = looked_around(campus, job, since)
    ada, job = started(campus)
    (home / "a-private-plan.txt").write_text("the content of a private plan")
    secrets["token of a server"] = token_of(campus, "ada")
    secrets |= {f"cookie {cookie.name}": str(cookie.value) for cookie in ada.http.cookies}
    running = looked_around(campus, job, since)
    for seen in (waiting, running):
        # Ben does see the job, its tag and what there is in public folders.
        assert "hpcampus:" in seen
        assert "slurm.conf" in seen
        assert [what for what, secret in secrets.items() if secret in seen] == []
        assert "a-private-plan" not in seen
        assert "the content of a private plan" not in seen
    assert len(secrets) > 12


def test_a_server_listens_at_one_port_and_asks_who_comes(campus: CampusUnderTest) -> None:
    """Kernels listen on private sockets: a neighbour on the node finds one port, and a log-in."""
    ada, _ = started(campus)
    url = f"{ada.url}/user/ada/{COURSE}/api/kernels"
    headers = {"Authorization": f"token {token_of(campus, 'ada')}"}
    kernel = requests.post(url, headers=headers, json={}, timeout=60)
    assert kernel.status_code == 201, kernel.text
    mine = [p for p in psutil.process_iter() if p.uids().real == pwd.getpwnam("ada").pw_uid]
    ports = {c.laddr.port for p in mine for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert len(ports) == 1
    (process,) = [p for p in mine if "ipykernel_launcher" in p.cmdline()]
    assert process.environ()["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "true"
    runtime = Path(process.cmdline()[-1]).parent
    wait_for(lambda: list(runtime.glob("*ipc*")), "the kernel listens")
    assert as_user("ben", "ls", str(runtime)).returncode != 0
    direct = f"http://127.0.0.1:{ports.pop()}/user/ada/{COURSE}/api/kernels"
    ben = campus.person("ben")
    own = ben.api("POST", "users/ben/tokens", json={}).json()["token"]
    for given in ({}, {"Authorization": f"token {own}"}, {"Authorization": "token wrong"}):
        assert requests.get(direct, headers=given, timeout=30).status_code == 403


def test_a_token_is_worth_nothing_when_its_job_has_ended(campus: CampusUnderTest) -> None:
    """Nobody pressed Stop: the job ended by itself."""
    _, job = started(campus)
    headers = {"Authorization": f"token {token_of(campus, 'ada')}"}

    def answer() -> int:
        return requests.get(f"{campus.settings.url}/hub/api/user", headers=headers, timeout=30).status_code

    assert answer() == 200
    assert as_user("ada", "scancel", job, **commands(campus)).returncode == 0
    wait_for(lambda: answer() in {401, 403}, "the token is refused", 60)
