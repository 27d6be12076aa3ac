"""What must hold after every fault, by the names that docs/faults.md gives it; `hold` checks all of it.

I7, that kernels go on, is `lab.Kernel.is_kept`; I8, that readiness is red meanwhile, `ready.until_not_ready`.
"""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from campus_under_test import CampusUnderTest, wait_for
from hpcampus_spawner.scheduler import JobState
from hpcampus_spawner.slurm import STATES
from hpcampus_spawner.words import ENDINGS
from ready import until_ready

SETTLED_SECONDS = 60
LIVE = (JobState.PENDING, JobState.RUNNING, JobState.PAUSED)
OF_OTHERS = 0o004
LARGEST = 10**7


class Row(NamedTuple):
    """One spawn of the ledger."""

    learner: str
    server: str
    tag: str
    job_id: str | None
    ended: object
    reason: str | None
    api_token: str | None


def hold(campus: CampusUnderTest) -> None:
    """All of them, on a campus whose fault is over and whose hub runs."""
    no_live_job_was_declared_dead(campus)
    no_server_has_two_jobs(campus)
    no_orphan_stays(campus)
    no_secret_is_seen(campus)
    until_ready(campus)


def no_orphan_stays(campus: CampusUnderTest) -> None:
    """I1: every job of ours belongs to one live spawn, or is cancelled soon; and the other way round."""

    def settled() -> bool:
        jobs, rows = live_jobs(campus), ledger(campus)
        known = Counter(row.tag for row in rows)
        assert all(known[tag] == 1 for tag in jobs), f"jobs that the ledger doesn't know: {jobs}"
        return {row.tag for row in rows if row.ended is None and row.job_id} == set(jobs)

    wait_for(settled, f"jobs and spawns agree: {live_jobs(campus)}", SETTLED_SECONDS)


def no_live_job_was_declared_dead(campus: CampusUnderTest) -> None:
    """I2: a spawn that ended because its job did has none any more."""
    words = {word for word, state in STATES.items() if state is JobState.GONE} | {"FORGOTTEN"}
    said = {*words, *ENDINGS.values(), "the scheduler knows no such job"}
    rows, jobs = ledger(campus), live_jobs(campus)
    assert [row for row in rows if row.reason in said and row.tag in jobs] == []


def no_server_has_two_jobs(campus: CampusUnderTest) -> None:
    """I3: at most one live job for a person's server."""
    jobs = live_jobs(campus)
    owners = Counter((row.learner, row.server) for row in ledger(campus) if row.tag in jobs)
    assert [owner for owner, count in owners.items() if count > 1] == []


def no_secret_is_seen(campus: CampusUnderTest) -> None:
    """I6: nobody finds a secret in logs, in what the scheduler shows, in command lines, in open files."""
    known = dict(_secrets(campus))
    assert known
    for where, text in _seen(campus):
        assert [name for name, secret in known.items() if secret.encode() in text] == [], where


def live_jobs(campus: CampusUnderTest) -> set[str]:
    """The tags of all our jobs that wait, run or pause."""
    jobs = dict(_slurm_jobs(campus)) if campus.settings.environments else dict(_local_jobs(campus))
    return {tag for tag, word in jobs.items() if STATES.get(word) in LIVE}


def ledger(campus: CampusUnderTest) -> list[Row]:
    """All of it."""
    engine = sa.create_engine(campus.settings.database_url("spawns"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT {', '.join(Row._fields)} FROM campus_spawns"))
        return [Row(*row) for row in rows]


def _local_jobs(campus: CampusUnderTest) -> Iterator[tuple[str, str]]:
    for job in json.loads((campus.settings.state / "queue.json").read_text()):
        yield job["tag"], job["word"]


def _slurm_jobs(campus: CampusUnderTest) -> Iterator[tuple[str, str]]:
    for environment in campus.settings.environments.values():
        listed = _slurm(environment, "squeue", "-h", "-a", "-t", "all", "-o", "%k %T")
        for line in listed.splitlines():
            tag, _, word = line.partition(" ")
            if tag.startswith("hpcampus:"):
                yield tag, word


def _slurm(environment: Mapping[str, str], *argv: str) -> str:
    done = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def _secrets(campus: CampusUnderTest) -> Iterator[tuple[str, str]]:
    state = campus.settings.state
    # The hub's id is random and kept like a secret, but stands in the comment of every job.
    for file in set(state.glob("*.secret")) - {state / "hub-id.secret"}:
        yield file.name, file.read_text().strip()
    for name, password in json.loads((state / "passwords.json").read_text()).items():
        yield f"the password of {name}", password
    for row in ledger(campus):
        if row.api_token:
            yield f"the token of {row.learner}/{row.server}", row.api_token


def _seen(campus: CampusUnderTest) -> Iterator[tuple[str, bytes]]:
    """What other people can look at, and what operators pass on to each other."""
    state = campus.settings.state
    for log in (state / "hub.log", *state.glob("twin*/logs/*")):
        yield str(log), log.read_bytes()
    for environment in campus.settings.environments.values():
        for question in (["squeue", "-a", "-t", "all", "-o", "%all"], ["scontrol", "-dd", "show", "job"]):
            yield " ".join(question), _slurm(environment, *question).encode()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(process), process.read_bytes()
        except OSError:
            continue
    yield from _open_files(state)


def _open_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files of that folder that every account of the machine can read."""
    for path in folder.iterdir():
        if path.is_symlink() or not path.exists():
            continue
        mode = path.stat().st_mode
        if path.is_dir():
            # A folder that can't be listed can be passed through by who knows the name.
            yield from _open_files(path) if mode & 0o001 else ()
        elif path.is_file() and mode & OF_OTHERS and path.stat().st_size < LARGEST:
            yield str(path), path.read_bytes()
