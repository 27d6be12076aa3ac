"""The configuration files of a twin, from the templates beside this module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import jinja2
from hpcampus_spawner.models import Model

from hpcampus_hub.twin import folder as twin_folder
from hpcampus_hub.twin.miniature import Miniature
from hpcampus_hub.twin.ports import free_ports

# Slurm gives every person a default account. At a site where a job must name its account, this one is the
# default, and every partition denies it, so that a job without an account meets Slurm's own refusal.
NO_ACCOUNT = "no-account"

# The variable, with the twin's folder in it, by which every process of a twin is known.
MARK = "HPCAMPUS_TWIN"

# file: its mode. What a job's user reads is readable; who may write where is not.
FILES = {
    "slurm.conf": 0o644,
    "gres.conf": 0o644,
    "task_prolog": 0o755,
    "slurmdbd.conf": 0o600,
    "mariadb.cnf": 0o644,
}
TEMPLATES = Path(__file__).parent / "templates"


class Ports(Model):
    """Where each daemon of a twin listens, on 127.0.0.1."""

    slurmctld: int
    slurmdbd: int
    slurmd: Mapping[str, int]

    @classmethod
    def choose(cls, nodes: Sequence[str]) -> Self:
        """Ports that are free now."""
        slurmctld, slurmdbd, *slurmd = free_ports(2 + len(nodes))
        return cls(slurmctld=slurmctld, slurmdbd=slurmdbd, slurmd=dict(zip(nodes, slurmd, strict=True)))


def write(folder: Path, miniature: Miniature, ports: Ports, more: Sequence[str] = ()) -> None:
    """Write every file that the twin's daemons and its users read; `more` are lines for slurm.conf."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=jinja2.select_autoescape(),
    )
    facts = {
        "folder": folder,
        "mark": MARK,
        "miniature": miniature,
        "ports": ports,
        "more": more,
        "denied_accounts": (NO_ACCOUNT, "root") if miniature.account_required else (),
    }
    for name, mode in FILES.items():
        content = environment.get_template(f"{name}.j2").render(facts)
        twin_folder.write(folder / name, content, mode)
