"""`campus twin`: a site's cluster in miniature, until Ctrl-C."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

import click
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.models import BadFile

from hpcampus_hub.settings import Settings
from hpcampus_hub.twin.errors import TwinUnavailable
from hpcampus_hub.twin.miniature import MiniPartition
from hpcampus_hub.twin.twin import Twin

TWINS = Path("/var/lib/hpcampus/twins")


@click.command()
@click.argument("site")
@click.option("--folder", type=click.Path(path_type=Path), help=f"Where it lives.  [default: {TWINS}/SITE]")
@click.option("--account", default="training", show_default=True, help="An account to charge jobs to.")
@click.option("--qos", help="A QOS of that account's own, where the site gives each project one.")
@click.option("--user", "users", multiple=True, help="A Unix user who may charge it; can be repeated.")
def twin(site: str, folder: Path | None, account: str, qos: str | None, users: tuple[str, ...]) -> None:
    """Start a miniature of SITE's Slurm cluster on this machine, until Ctrl-C.

    It has the site's partitions, kinds of nodes, time limits, accounts and QOS, on a few pretended nodes
    without GPUs: what Slurm accepts, refuses and hands out there, it accepts, refuses and hands out here.
    Needs root and Slurm's packages. `campus sites` lists the sites.
    """
    home = (folder or TWINS / site).absolute()
    people = users or (os.environ.get("SUDO_USER", "root"),)
    allocation = Allocation(account=account, qos=qos)
    try:
        _run_until_interrupted(Twin(Settings(state=home).site(site), home), people, allocation)
    except (BadFile, TwinUnavailable) as problem:
        raise click.ClickException(str(problem)) from None


def _run_until_interrupted(twin: Twin, people: tuple[str, ...], allocation: Allocation) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _like_ctrl_c)
    began = time.monotonic()
    try:
        with twin:
            twin.add_people(people, allocation)
            click.echo(f"The twin of {twin.miniature.cluster} is up after {time.monotonic() - began:.0f} s.")
            _explain(twin, people, allocation)
            signal.pause()
    except KeyboardInterrupt:
        click.echo("Stopped.")


def _like_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _explain(twin: Twin, people: tuple[str, ...], allocation: Allocation) -> None:
    click.echo(f"\n  export SLURM_CONF={twin.environment['SLURM_CONF']}\n")
    for mini in twin.miniature.partitions:
        click.echo(f"  {_describe(mini)}")
    if twin.miniature.qos:
        click.echo(f"\n  QOS: {', '.join(qos.name for qos in twin.miniature.qos)}")
    if twin.miniature.enforces_accounts:
        must = "must" if twin.miniature.account_required else "may"
        named = f"--account={allocation.account}" + (f" --qos={allocation.qos}" if allocation.qos else "")
        click.echo(f"  Jobs {must} name an account; {', '.join(people)} can use {named}.")
    click.echo(f"  Logs: {twin.folder / 'logs'}\n\n  Ctrl-C stops it and every job on it.")


def _describe(mini: MiniPartition) -> str:
    shape, partition = mini.nodes.shape, mini.partition
    minutes = partition.max_walltime_minutes
    longest = "no limit" if minutes is None else f"{minutes} min"
    gpus = f"{shape.gpus} GPUs" + (f" ({shape.gpu_type})" if shape.gpu_type else "")
    size = "" if mini.size_is_published else " (size not published)"
    return (
        f"{partition.name + ('*' if partition.default else ''):<20} {','.join(mini.nodes.names):<8} "
        f"{shape.cpus} CPUs, {shape.memory_mib} MiB{size}, {gpus}, {longest}"
    )
