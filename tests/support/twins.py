"""Twins for tests, and Unix users who send jobs to them."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from campus_under_test import CampusUnderTest, free_port, private_folder, wait_for
from hpcampus_hub import unix_accounts
from hpcampus_hub.people import demo_homes
from hpcampus_hub.settings import COURSES, SITES, Settings
from hpcampus_hub.twin import Twin
from hpcampus_hub.up import twins_of
from hpcampus_spawner.site import Site


def site(site_id: str) -> Site:
    """A site of the catalogue."""
    return Site.load(SITES / f"{site_id}.yaml")


@contextmanager
def running_twin(of: Site) -> Iterator[Twin]:
    """The site's twin while the block runs, in a folder that is removed afterwards."""
    folder = private_folder()
    try:
        with Twin(of, folder / "twin") as twin:
            yield twin
    finally:
        shutil.rmtree(folder)


@contextmanager
def people(*names: str) -> Iterator[Path]:
    """Unix accounts while the block runs, and the folder that their homes are in."""
    homes = private_folder()
    try:
        created = unix_accounts.ensure(names, homes)
        try:
            yield homes
        finally:
            unix_accounts.remove(created)
    finally:
        shutil.rmtree(homes)


def as_user(name: str, *argv: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a Unix user, from their home and with nothing of ours in the environment."""
    account = pwd.getpwnam(name)
    return subprocess.run(
        argv,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd=account.pw_dir,
        env={"PATH": os.defpath, "HOME": account.pw_dir, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def twin_campus(*site_ids: str, courses: Path = COURSES) -> Iterator[CampusUnderTest]:
    """A campus on the sites' twins, by default LEONARDO's, with Unix accounts; nothing of it is left."""
    sites = site_ids or ("leonardo",)
    settings = Settings(state=private_folder(), port=free_port(), site_ids=sites, courses=courses)
    with demo_homes(settings), twins_of(settings) as on_twins:
        campus = CampusUnderTest(on_twins, as_root=True)
        campus.start()
        try:
            yield campus
        finally:
            campus.stop()


def commands(campus: CampusUnderTest, site_id: str = "leonardo") -> Mapping[str, str]:
    """What Slurm's commands need in their environment to speak to that site's twin."""
    return campus.settings.environments[site_id]


def as_root(environment: Mapping[str, str], *argv: str) -> str:
    """One of Slurm's commands as its administrator, and what it said."""
    known = {"PATH": os.environ["PATH"], **environment}
    done = subprocess.run(argv, env=known, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def end_in(environment: Mapping[str, str], job: str, minutes: int) -> None:
    """Have a running job end in so many minutes."""
    # Slurm takes and says moments without a zone.
    end = datetime.now().replace(microsecond=0) + timedelta(minutes=minutes)
    as_root(environment, "scontrol", "update", f"JobId={job}", f"EndTime={end.isoformat()}")


@contextmanager
def campus_and_twin(*more: str) -> Iterator[tuple[CampusUnderTest, Twin]]:
    """A campus on LEONARDO's twin, and the twin itself, whose daemons may be killed.

    `more` are lines that its slurm.conf gets.
    """
    settings = Settings(state=private_folder(), port=free_port(), site_ids=("leonardo",))
    with demo_homes(settings), Twin(settings.site("leonardo"), settings.state / "twin", more) as twin:
        deployment = settings.deployment
        for allocation in deployment.demo_allocations("leonardo"):
            twin.add_people(deployment.demo, allocation)
        known = settings.model_copy(update={"environments": {"leonardo": _way_of_the_hub(twin)}})
        campus = CampusUnderTest(known, as_root=True)
        campus.start()
        try:
            yield campus, twin
        finally:
            campus.stop()


def _way_of_the_hub(twin: Twin) -> Mapping[str, str]:
    """A slurm.conf and a way to munge of the hub's own, as on another machine: only the hub loses them."""
    munge, conf = twin.folder / "hub-munge.socket", twin.folder / "hub-slurm.conf"
    munge.symlink_to(twin.folder / "munge" / "munge.socket")
    text = (twin.folder / "slurm.conf").read_text()
    conf.write_text(text.replace(f"socket={twin.folder}/munge/munge.socket", f"socket={munge}"))
    conf.chmod(0o644)
    return {"SLURM_CONF": str(conf)}


@contextmanager
def full_cluster(campus: CampusUnderTest) -> Iterator[None]:
    """No GPU of LEONARDO's twin is free for the length of the block."""
    filler = ["sbatch", "--parsable", "--account=tra24_campus", "--partition=boost_usr_prod", "--time=10"]
    filler += ["--nodes=2", "--exclusive", "--wrap=sleep 600"]
    submitted = as_user("rosa", *filler, **commands(campus))
    assert submitted.returncode == 0, submitted.stderr
    job = submitted.stdout.strip()
    try:
        wait_for(lambda: jobs(campus).get(job) == "RUNNING", "the cluster is full")
        yield
    finally:
        as_user("rosa", "scancel", job, **commands(campus))


def requests_of_root(environment: Mapping[str, str]) -> int:
    """How many requests slurmctld has had from root, as which the hub asks it, by sdiag's count."""
    done = subprocess.run(
        ["sdiag"], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    counted = re.search(r"^\s*root\s+\(\s*0\)\s+count:(\d+)", done.stdout, re.MULTILINE)
    return int(counted.group(1)) if counted else 0


def jobs(campus: CampusUnderTest, site_id: str = "leonardo") -> dict[str, str]:
    """The state of every job that the twin still has, by its id."""
    squeue = ["squeue", "--noheader", "--states=all", "--format=%i %T"]
    listed = as_user("rosa", *squeue, **commands(campus, site_id)).stdout.splitlines()
    return dict(line.split() for line in listed)
