"""`campus up`: a whole campus on this machine, until Ctrl-C."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.reconcile import end_all
from hpcampus_spawner.site import Site

from hpcampus_hub import private_files
from hpcampus_hub.demo import demo_passwords
from hpcampus_hub.hub_process import HubFailed, HubProcess
from hpcampus_hub.lessons import release_all
from hpcampus_hub.people import demo_homes
from hpcampus_hub.settings import HUB_CONFIG, Settings
from hpcampus_hub.site_cluster import open_clusters
from hpcampus_hub.unix_accounts import AccountsRefused

LAST_JOBS_SECONDS = 60
CANNOT_BE_TRIED = {"pbspro": "it runs PBS Pro, which has no twin", None: "nobody has published its scheduler"}


@click.command()
@click.option(
    "--site",
    "site_ids",
    multiple=True,
    default=("local",),
    show_default=True,
    help="Which site's rules to run by; can be repeated.",
)
@click.option("--port", default=8000, show_default=True, help="The port of 127.0.0.1 to listen on.")
@click.option("--state", type=click.Path(path_type=Path), help="Where the campus keeps everything.")
@click.option(
    "--database", default="", help="An SQLAlchemy URL, such as postgresql+psycopg://…; else SQLite."
)
def up(site_ids: tuple[str, ...], port: int, state: Path | None, database: str) -> None:
    """Start the hub on this machine, with people to log in as, until Ctrl-C.

    With `--site local` jobs run as processes; with any other site they go to a twin of its cluster, a real
    Slurm on this machine, which needs root and Slurm's packages.
    """
    folder = state or HUB_CONFIG.parent / ".state" / "+".join(site_ids)
    settings = Settings(state=folder.absolute(), site_ids=site_ids, port=port, database=database)
    try:
        with ExitStack() as stack:
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, _like_ctrl_c)
            _bring_up(settings, stack)
    except KeyboardInterrupt:
        _say("Stopped.")
    except (BadFile, HubFailed, AccountsRefused, CannotStart) as problem:
        raise click.ClickException(str(problem)) from None
    except PermissionError as problem:
        raise click.ClickException(
            f"{problem.filename} belongs to somebody else, perhaps because root started a campus here. "
            "Start as the same user again, or choose another folder with --state."
        ) from None


class CannotStart(Exception):
    """What is missing, and what to do about it."""


def _bring_up(settings: Settings, stack: ExitStack) -> None:
    sites = [settings.site(site_id) for site_id in settings.site_ids]
    for site in sites:
        if why := CANNOT_BE_TRIED.get(site.scheduler.kind):
            raise CannotStart(f"{site.name} can't be tried on this machine: {why}.")
    stack.enter_context(_only_one(settings.state))
    private_files.check(settings.state)
    stack.enter_context(demo_homes(settings))
    settings = stack.enter_context(twins_of(settings))
    _release_lessons(settings)
    stack.callback(_end_jobs, settings)
    _say("Starting the hub …")
    hub = stack.enter_context(HubProcess(settings).running())
    _welcome(settings)
    hub.wait()


def _like_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """The state folder, private but passable, and held by one campus at a time."""
    # Learners' homes may lie below it: they pass through, and can list and read nothing.
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)
    os.umask(0o077)
    with (state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"A campus is already running from {state}. Stop it first.") from None
        yield


@contextmanager
def twins_of(settings: Settings) -> Iterator[Settings]:
    """The Slurm sites' clusters in miniature, and the settings with which their commands are reached."""
    with ExitStack() as stack:
        sites = [settings.site(site_id) for site_id in settings.site_ids]
        environments = {
            site.id: stack.enter_context(_twin_of(site, settings))
            for site in sites
            if site.scheduler.kind == "slurm"
        }
        yield settings.model_copy(update={"environments": environments})


@contextmanager
def _twin_of(site: Site, settings: Settings) -> Iterator[Mapping[str, str]]:
    """One cluster in miniature, and what its commands need in their environment."""
    from hpcampus_hub.twin import Twin, TwinUnavailable  # noqa: PLC0415 - needs Slurm; most don't have it

    _say(f"Starting a twin of {site.name}: a real Slurm on this machine …")
    try:
        with Twin(site, settings.state / f"twin-{site.id}") as twin:
            deployment = settings.deployment
            for allocation in deployment.demo_allocations(site.id):
                twin.add_people(deployment.demo, allocation)
            try:
                yield twin.environment
            finally:
                _say(f"Stopping the twin of {site.name} …")
    except TwinUnavailable as problem:
        raise CannotStart(str(problem)) from None


def _release_lessons(settings: Settings) -> None:
    """Put every lesson into the exchange; what is there already stays as it is."""
    _say("Preparing the lessons …")
    release_all(settings)


def _end_jobs(settings: Settings) -> None:
    _say("Ending the jobs …")
    if not asyncio.run(_end_all(settings)):
        click.echo("Some jobs could not be ended; they are ended at the next start.", err=True)


async def _end_all(settings: Settings) -> bool:
    clusters = open_clusters(settings).values()
    return all(await asyncio.gather(*(end_all(cluster, LAST_JOBS_SECONDS) for cluster in clusters)))


def _welcome(settings: Settings) -> None:
    people = settings.deployment.demo
    passwords = demo_passwords(settings.state / "passwords.json", people)
    width = max(map(len, people))
    click.echo(f"\n  HPCampus is up: {settings.url}   ({_names(settings)})\n")
    for name, person in people.items():
        click.echo(f"    {name:<{width}}  {passwords[name]}  {person.shown_as}")
    if settings.shares_one_account:
        click.echo(
            "\n  Everybody's notebooks run as your own Unix account: a demo, not for people you don't trust."
        )
    click.echo("\n  Ctrl-C stops everything.\n")


def _names(settings: Settings) -> str:
    names = [settings.site(site_id).name for site_id in settings.site_ids]
    return f"{'site' if len(names) == 1 else 'sites'}: {', '.join(names)}"


def _say(sentence: str) -> None:
    click.echo(sentence)
    sys.stdout.flush()
