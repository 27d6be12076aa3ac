"""`campus jobs`: every server and its job, asked of the ledger and the schedulers, with or without a hub."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from hpcampus_spawner.models import BadFile

from hpcampus_hub.job_list import ServerJob, server_jobs
from hpcampus_hub.settings import HUB_CONFIG, Settings
from hpcampus_hub.site_cluster import open_clusters

COLUMNS = ("person", "server", "course", "site", "job", "state", "node", "gpus", "since", "until", "reason")


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=HUB_CONFIG.parent / ".state" / "local",
    help="The folder where the campus keeps everything.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def jobs(state: Path, as_json: bool) -> None:
    """Show every server that somebody wants, and the job behind it.

    Each site's scheduler is asked once. The hub need not run.
    """
    try:
        settings = Settings.saved(state)
    except BadFile as problem:
        raise click.ClickException(str(problem)) from None
    rows, silent = asyncio.run(_ask(settings))
    if as_json:
        click.echo(json.dumps([row.model_dump(mode="json") for row in rows], indent=1))
    else:
        click.echo(_table(rows))
    for site, reason in silent.items():
        click.echo(f"{site} doesn't answer: {reason}", err=True)
    if silent:
        raise SystemExit(1)


async def _ask(settings: Settings) -> tuple[list[ServerJob], dict[str, str]]:
    clusters = open_clusters(settings)
    await asyncio.gather(*(cluster.watcher.ask() for cluster in clusters.values()))
    silent = {site: cluster.watcher.problem for site, cluster in clusters.items()}
    rows = server_jobs(clusters.values(), settings.catalogue.courses, datetime.now(UTC))
    return rows, {site: problem for site, problem in silent.items() if problem}


def _table(rows: Sequence[ServerJob]) -> str:
    if not rows:
        return "Nobody has a server."
    cells = [COLUMNS, *(tuple(_cell(getattr(row, name)) for name in COLUMNS) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%d %b %H:%M")
    return "" if value is None else str(value)
