"""What the commands that grade have in common: who works, how far they are, and what goes wrong."""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hpcampus_grading.grading import Grader


def crew_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say where to grade; a site may have defaults of its own, in variables."""
    where = click.option(
        "--on",
        type=click.Choice(["here", "slurm"]),
        default="here",
        show_default=True,
        envvar="CAMPUS_GRADE_ON",
        help="In this job, or in jobs of their own that are like this one.",
    )
    count = click.option(
        "--workers",
        type=click.IntRange(min=1),
        envvar="CAMPUS_GRADE_WORKERS",
        help="So many processes here (if not given: one a core), or so many jobs (if not given: one).",
    )
    return where(count(command))


@contextmanager
def grading(course: str, on: Any, workers: int | None) -> Iterator["Grader"]:
    """An instructor's grader of a course; what keeps everybody from being graded ends it with a sentence."""
    from sqlalchemy.exc import SAWarning  # noqa: PLC0415 (takes seconds)

    from hpcampus_grading.batch.workers import Crew  # noqa: PLC0415
    from hpcampus_grading.grading import Grader, GradingProblem  # noqa: PLC0415

    # nbgrader's own queries make SQLAlchemy warn its developers, in the middle of the instructor's table.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    try:
        yield Grader(course, Crew(on, workers), click.echo, Bar())
    except GradingProblem as error:
        click.echo(error.log, err=True)
        raise click.ClickException(str(error)) from error
    except click.Abort:
        raise  # somebody said no, which is a RuntimeError to click
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error


@dataclass
class Bar:
    """How far it is and when it will be done, on stderr; nothing where nobody looks at a terminal."""

    _bar: Any = field(default=None, init=False)

    def __call__(self, done: int, of: int) -> None:
        """Show that so many are done."""
        if self._bar is None:
            self._bar = click.progressbar(
                length=of, label="Grading", show_pos=True, item_show_func=self._until, file=sys.stderr
            )
        self._bar.update(done - self._bar.pos)
        if done == of:
            self._bar.render_finish()
            self._bar = None

    def _until(self, _item: object) -> str | None:
        left = self._bar.eta if self._bar is not None and self._bar.eta_known else 0
        return f"until {datetime.now() + timedelta(seconds=left):%H:%M:%S}" if left else None
