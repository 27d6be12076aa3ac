"""The job as text. It holds no secret: those travel in the learner's own ticket file."""

import shlex
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hpcampus_spawner.site import Site

# Shell, not HTML: every value is quoted for the shell instead.
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
)
_templates.filters["quote"] = shlex.quote


def job_script(site: Site, spawn_id: str, python: str = sys.executable) -> str:
    """The script of one notebook job, run by `python` on the node."""
    template = _templates.get_template("job.sh.j2")
    return template.render(
        setup=site.setup, srun_only=site.scheduler.srun_only, python=python, spawn_id=spawn_id
    )
