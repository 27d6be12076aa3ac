"""`campus site check` and `campus site new`: a site's file beside the cluster that it describes."""

import os
from datetime import date
from pathlib import Path

import click
import yaml
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.site import Rule, Scheduler, Site
from pydantic import ValidationError

from hpcampus_hub.live_site import LiveSite
from hpcampus_hub.settings import SITES, Settings
from hpcampus_hub.site_differences import differences
from hpcampus_hub.twin.commands import CommandFailed

NOT_COMPARED = {
    "pbspro": "runs PBS Pro, and this check asks Slurm only. Compare the file by hand with what `qstat -Qf` "
    "and `pbsnodes -a` print. There `qstat -Bf` must show query_other_jobs = True, or the hub's account "
    "must be an operator of PBS: else the hub takes other people's jobs for gone.",
    "local": "is this machine: nothing to compare.",
    None: "is announced only: nobody has published its scheduler, so there is nothing to ask.",
}
INHERITED = ("PATH", "HOME", "SLURM_CONF")


@click.group()
def site() -> None:
    """Compare a site's file with its cluster, or write a new one. Run it where Slurm's commands reach it."""


@site.command()
@click.argument("site_id", metavar="SITE")
@click.option("--folder", type=click.Path(path_type=Path), default=SITES, help="Where the site files are.")
def check(site_id: str, folder: Path) -> None:
    """Say what in SITE's file differs from the cluster; ends with 1 when something does."""
    try:
        settings = Settings(state=folder, sites=folder)
        known, arranged = settings.site(site_id), settings.deployment.allocations.get(site_id)
    except BadFile as problem:
        raise click.ClickException(str(problem)) from None
    if known.scheduler.kind != "slurm":
        raise click.ClickException(f"{known.name} {NOT_COMPARED[known.scheduler.kind]}")
    found = list(differences(known, _ask(), arranged))
    for sentence in found:
        click.echo(sentence)
    if found:
        raise SystemExit(1)
    click.echo(f"{site_id}.yaml says what the cluster says.")


@site.command()
@click.argument("site_id", metavar="SITE")
@click.option("--factory", required=True, help="The AI Factory that the cluster serves.")
@click.option("--system", required=True, help="The cluster's name.")
@click.option("--folder", type=click.Path(path_type=Path), default=SITES, help="Where to write the file.")
def new(site_id: str, factory: str, system: str, folder: Path) -> None:
    """Write SITE's file from what the cluster says of itself."""
    path = folder / f"{site_id}.yaml"
    if path.exists():
        raise click.ClickException(f"{path} is there already: compare it with `campus site check {site_id}`.")
    try:
        facts = _described(site_id, factory, system, _ask())
    except ValidationError as error:
        raise click.ClickException(f"That can't be a site: {error}") from None
    content = facts.model_dump(mode="json", exclude_defaults=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    click.echo(f"Wrote {path}. What its list `unknown` names, only people can tell: complete it by hand.")


def _described(site_id: str, factory: str, system: str, live: LiveSite) -> Site:
    return Site(
        id=site_id,
        factory=factory,
        system=system,
        scheduler=Scheduler(kind="slurm", version=live.version),
        partitions=live.partitions,
        qos=live.qos,
        account=Rule(),
        gpu_request="gres" if any(partition.gpus for partition in live.partitions) else None,
        sources=(f"the cluster itself, {date.today().isoformat()}",),
        confidence="medium",
        unknown=(
            "whether jobs must name an account or a QOS",
            "the models and makers of the GPUs",
            "the modules or the container that notebooks need",
        ),
    )


def _ask() -> LiveSite:
    try:
        return LiveSite.ask({name: os.environ[name] for name in INHERITED if name in os.environ})
    except CommandFailed as problem:
        raise click.ClickException(str(problem)) from None
    except FileNotFoundError as problem:
        raise click.ClickException(f"{problem.filename} isn't on PATH: run this where Slurm is.") from None
