"""The twin journey as operators are told to run it: no root, other Unix accounts, one rule of sudo."""

import json
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from campus_under_test import CampusUnderTest, wait_for
from hpcampus_hub.hub_command import trusted
from hpcampus_spawner.accounts import LAUNCHER
from production import HUB, RULES, production_campus
from twins import as_user, jobs

pytestmark = [pytest.mark.slurm, pytest.mark.sudo]

COURSE = "gpu-numba"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    """Ada, Ben and Rosa are learners; Ines has an account at the hub and none on the cluster."""
    with production_campus("ada", "ben", "rosa") as campus:
        yield campus


def owners(job_folder: Path) -> set[str]:
    """Whose the spawn's files are."""
    return {pwd.getpwuid(path.stat().st_uid).pw_name for path in [job_folder, *job_folder.rglob("*")]}


def test_start_report_adopt_stop(campus: CampusUnderTest) -> None:
    """The hub has no rights, and yet a job starts as Ada, reports, survives the hub, and stops."""
    assert campus.process is not None
    assert pwd.getpwuid(Path(f"/proc/{campus.process.pid}").stat().st_uid).pw_name == HUB
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    started = ada.server_started(COURSE)
    (spawn,) = (Path(pwd.getpwnam("ada").pw_dir) / ".hpcampus" / "spawns").iterdir()
    assert owners(spawn) == {"ada"}
    campus.kill()
    campus.start()
    ada = campus.person("ada")
    assert ada.server_started(COURSE) == started
    (job,) = [job for job, state in jobs(campus).items() if state == "RUNNING"]
    ada.stop(COURSE)
    wait_for(lambda: jobs(campus).get(job, "CANCELLED") == "CANCELLED", "the job is cancelled")


def test_who_is_no_learner_is_told_so(campus: CampusUnderTest) -> None:
    """An account outside the group, or none at all, is a clear no before anything is submitted."""
    answer = campus.person("ines").api("POST", f"users/ines/servers/{COURSE}", json={"course": COURSE})
    assert answer.status_code == 400
    assert "no Unix account ines on this cluster" in answer.json()["message"]


def sudo(caller: str, *words: str, stdin: str = "{}", **environment: str) -> subprocess.CompletedProcess[str]:
    """Call sudo as that account."""
    entry = pwd.getpwnam(caller)
    return subprocess.run(
        ["sudo", "-n", *words],
        input=stdin,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


ORDER = json.dumps({"verb": "scancel", "job_id": "-u root"})


@pytest.mark.usefixtures("campus")
def test_the_hubs_account_can_run_the_launcher_as_a_learner() -> None:
    done = sudo(HUB, "-H", "-u", "ada", "--", *LAUNCHER, stdin=ORDER)
    assert json.loads(done.stdout) == {"refused": "BadOrder: not a job id"}


@pytest.mark.usefixtures("campus")
@pytest.mark.parametrize(
    "words",
    [
        ["-u", "ada", "--", "/usr/bin/id"],
        ["-u", "ada", "-i"],
        ["-u", "ada", "-s", "--", *LAUNCHER],
        ["-u", "ada", "--", LAUNCHER[0]],
        ["-u", "ada", "--", LAUNCHER[0], "-I", "-m", "hpcampus_spawner.node"],
        ["-u", "ada", "--", *LAUNCHER, "--verbose"],
        ["-u", "ada", "--", LAUNCHER[0], "-m", "hpcampus_spawner.launcher"],
        ["-E", "-u", "ada", "--", *LAUNCHER],
        ["-u", "ada", "SLURM_CONF=/tmp/x", "--", *LAUNCHER],
        ["-u", "ada", "-g", "shadow", "--", *LAUNCHER],
        ["-D", "/etc", "-u", "ada", "--", *LAUNCHER],
        ["-u", "root", "--", *LAUNCHER],
        ["--", *LAUNCHER],
        ["-u", "#0", "--", *LAUNCHER],
        ["-u", "#-1", "--", *LAUNCHER],
        ["-u", "daemon", "--", *LAUNCHER],
        ["-u", HUB, "--", *LAUNCHER],
        ["-e", "/etc/passwd"],
    ],
)
def test_the_hubs_account_can_run_nothing_else(words: list[str]) -> None:
    done = sudo(HUB, *words, stdin=ORDER)
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.usefixtures("campus")
@pytest.mark.parametrize("target", ["ben", "root", "ada", HUB])
def test_a_learner_cannot_use_the_rule(target: str) -> None:
    done = sudo("ada", "-u", target, "--", *LAUNCHER, stdin=ORDER)
    assert done.returncode != 0
    assert done.stdout == ""


def test_the_callers_environment_stays_behind(campus: CampusUnderTest) -> None:
    """With a false SLURM_CONF sbatch would not even get this answer: the true one is in a file of root's."""
    hostile = {"SLURM_CONF": "/nonexistent", "SBATCH_PARTITION": "no-such", "PYTHONPATH": "/nonexistent"}
    order = {"verb": "sbatch", "spawn_id": uuid4().hex, "options": ["--partition=no-such"]}
    order |= {"script": "#!/bin/sh\n", "ticket": "{}"}
    done = sudo(HUB, "-H", "-u", "ada", "--", *LAUNCHER, stdin=json.dumps(order), **hostile)
    assert "invalid partition specified: no-such" in json.loads(done.stdout)["err"]


def test_what_the_rule_runs_belongs_to_root() -> None:
    """Neither hub nor learner can change the program, or anything that it is found through."""
    for path in trusted():
        status = path.stat()
        assert status.st_uid == 0, path
        assert not status.st_mode & 0o022 or status.st_mode & 0o1000, path


@pytest.mark.usefixtures("campus")
def test_nobody_but_root_reads_the_rule() -> None:
    assert as_user("ada", "cat", RULES).returncode != 0
