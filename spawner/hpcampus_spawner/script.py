"""The job as text. It holds no secret: those travel in the learner's own ticket file."""

import shlex
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Site
from hpcampus_spawner.software import SiteSoftware, container

# Shell, not HTML: every value is quoted for the shell instead.
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
    trim_blocks=True,
)
_templates.filters["quote"] = shlex.quote
_templates.filters["words"] = shlex.join


def job_script(
    site: Site,
    request: JobRequest,
    spawn_id: str,
    software: SiteSoftware | None = None,
    python: str = sys.executable,
) -> str:
    """The script of one notebook job; `python` is the hub's own, for jobs that are given no other."""
    chosen = (software or SiteSoftware()).on(site.partition(request.partition))
    # Who opens a cluster sees to it that its software has no gap.
    assert chosen is not None
    inside = container(chosen, site, request)
    program = chosen.python or ("python3" if inside else python)
    return _templates.get_template("job.sh.j2").render(
        setup=site.setup,
        module_paths=chosen.module_paths,
        modules=chosen.modules,
        srun_only=site.scheduler.srun_only,
        command=[*inside, program, "-I", "-m", "hpcampus_spawner.node", spawn_id],
    )
