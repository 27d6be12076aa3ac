"""`campus hub`: the hub as a service of its own account, at the sites that it really reaches."""

import os
import stat
import sys
from pathlib import Path

import click
from hpcampus_spawner import launcher
from hpcampus_spawner.models import BadFile

from hpcampus_hub import private_files
from hpcampus_hub.lessons import release_all
from hpcampus_hub.settings import CAMPUS, CONFIG_FILE, Settings


@click.command()
@click.option("--site", "site_ids", multiple=True, required=True, help="A site of campus.yaml's `reach`.")
@click.option("--campus", type=click.Path(path_type=Path), default=CAMPUS, help="The file campus.yaml.")
@click.option(
    "--state", type=click.Path(path_type=Path), required=True, help="Where the hub keeps everything."
)
@click.option("--port", default=8000, show_default=True, help="The port of 127.0.0.1 to listen on.")
@click.option(
    "--database",
    default="",
    help="An SQLAlchemy URL; else SQLite.  [or $CAMPUS_DATABASE]",
    envvar="CAMPUS_DATABASE",
)
def hub(site_ids: tuple[str, ...], campus: Path, state: Path, port: int, database: str) -> None:
    """Run the hub in the foreground, as an account without rights, until SIGTERM.

    Jobs and servers go on when it ends, and are taken up again when it starts. Each SITE is reached as
    campus.yaml says under `reach`.
    """
    settings = Settings(
        state=state.absolute(), site_ids=site_ids, port=port, database=database, campus=campus.absolute()
    )
    try:
        _check(settings)
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_files.check(settings.state)
        os.umask(0o077)
        release_all(settings)
    except BadFile as problem:
        raise click.ClickException(str(problem)) from None
    os.chdir(settings.state)
    argv = [sys.executable, "-m", "hpcampus_hub.app", "-f", str(CONFIG_FILE)]
    # The same process: what supervises us supervises the hub.
    os.execve(sys.executable, argv, {**os.environ, **settings.to_environment()})  # noqa: S606


def trusted() -> list[Path]:
    """What the launcher is started from, and every folder that it is found through."""
    files = [Path(sys.executable), Path(sys.executable).resolve(), Path(launcher.__file__).resolve()]
    return [path for file in files for path in (file, *file.parents)]


def _can_change(path: Path) -> bool:
    """Whether this account could put something else there; a sticky folder keeps what others own."""
    return os.access(path, os.W_OK) and not path.stat().st_mode & stat.S_ISVTX


def _check(settings: Settings) -> None:
    if os.geteuid() == 0:
        raise click.ClickException("The hub needs no rights: start it as an account of its own.")
    if changeable := [path for path in trusted() if _can_change(path)]:
        raise click.ClickException(
            f"This account can change {changeable[0]}, which a rule of sudo runs as somebody else: "
            "HPCampus and its Python must belong to root."
        )
    reach = settings.deployment.reach
    unknown = [site_id for site_id in settings.site_ids if site_id not in reach]
    if unknown:
        raise click.ClickException(
            f"{settings.campus} doesn't say under `reach` how to reach {', '.join(unknown)}."
        )
    for site_id in settings.site_ids:
        settings.site(site_id)
