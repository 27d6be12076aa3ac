"""`campus sites`: the catalogue of sites, as a table or as JSON."""

import json
from pathlib import Path

import click
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.site import Site

from hpcampus_hub.settings import SITES

COLUMNS = ("site", "factory", "system", "scheduler", "accelerators", "confidence")
SCHEDULERS = {"slurm": "Slurm", "pbspro": "PBS Pro", "local": "embedded", None: "not published"}


def load_sites(folder: Path = SITES) -> list[Site]:
    """Every site of the catalogue, by id; raises `BadFile`."""
    return [Site.load(path) for path in sorted(folder.glob("*.yaml"))]


def row(site: Site) -> dict[str, str]:
    """What the catalogue says of a site, by column."""
    models = dict.fromkeys(p.gpu_model for p in site.partitions if p.gpu_model)
    nothing = "not published" if site.announced else "none"
    words = (
        site.id,
        site.factory,
        site.system or "not published",
        SCHEDULERS[site.scheduler.kind],
        ", ".join(models) or nothing,
        site.confidence,
    )
    return dict(zip(COLUMNS, words, strict=True))


def markdown(known: list[Site]) -> str:
    """The catalogue as the table of docs/sites.md."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(tuple(row(site).values()) for site in known)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything that the files say, machine-readable.")
@click.option("--markdown", "as_markdown", is_flag=True, help="The table of docs/sites.md.")
def sites(as_json: bool, as_markdown: bool) -> None:
    """List the sites that this campus knows."""
    try:
        known = load_sites()
    except BadFile as problem:
        raise click.ClickException(str(problem)) from None
    if as_json:
        click.echo(json.dumps([site.model_dump(mode="json") for site in known], ensure_ascii=False, indent=1))
        return
    if as_markdown:
        click.echo(markdown(known), nl=False)
        return
    rows = [dict(zip(COLUMNS, COLUMNS, strict=True)), *map(row, known)]
    widths = {name: max(len(one[name]) for one in rows) for name in COLUMNS}
    for one in rows:
        click.echo("  ".join(one[name].ljust(widths[name]) for name in COLUMNS).rstrip())
