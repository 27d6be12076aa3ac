"""`campus sudoers`: the one rule by which a hub without rights, or a login node, runs the launcher."""

import re
import sys
from pathlib import Path

import click
from hpcampus_spawner.accounts import LAUNCHER
from jinja2 import Environment, FileSystemLoader, StrictUndefined

MACHINE = Path(__file__).parent / "machine"
# sudoers has a quoting of its own for nearly everything else.
_PLAIN = re.compile(r"[A-Za-z0-9/_.:-]+")
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# sudoers, not HTML: only plain words get in.
_templates = Environment(
    loader=FileSystemLoader(MACHINE),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    trim_blocks=True,
    keep_trailing_newline=True,
)


@click.command()
@click.option("--account", default="hpcampus", show_default=True, help="The account that may use the rule.")
@click.option("--group", default="campus-learners", show_default=True, help="The Unix group of the learners.")
@click.option("--python", default=sys.executable, help="HPCampus's Python there.  [default: this one]")
@click.option("--path", default=_SYSTEM_PATH, show_default=True, help="Where Slurm's commands are found.")
@click.option("--environment", default="", help="A file of root's with lines such as SLURM_CONF=…")
def sudoers(account: str, group: str, python: str, path: str, environment: str) -> None:
    """Print the rule of sudo for the hub's machine, or for a login node.

    Keep it as /etc/sudoers.d/hpcampus, mode 0440, and check it with `visudo -c`.
    """
    click.echo(rule(account, group, python=python, path=path, environment=environment), nl=False)


def rule(
    account: str, group: str, *, python: str = sys.executable, path: str = _SYSTEM_PATH, environment: str = ""
) -> str:
    """The text of the file; raises `click.BadParameter` for a word that sudoers could misread."""
    words = (account, group, python, path, *([environment] if environment else []))
    for word in words:
        if not _PLAIN.fullmatch(word):
            raise click.BadParameter(f"{word!r} has characters that can't stand in a rule of sudo")
    return _templates.get_template("sudoers.j2").render(
        account=account, group=group, launcher=[python, *LAUNCHER[1:]], path=path, environment=environment
    )
