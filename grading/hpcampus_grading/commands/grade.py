"""`campus grade`: collect, grade in the sandbox, show the scores."""

import sys
import warnings

import click
from sqlalchemy.exc import SAWarning


@click.command()
@click.argument("course")
@click.argument("assignment")
@click.option("--feedback", is_flag=True, help="Make feedback and release it to the learners.")
@click.option("--again", is_flag=True, help="Grade also what was graded before.")
def grade(course: str, assignment: str, feedback: bool, again: bool) -> None:
    """Collect the new submissions of an ASSIGNMENT, grade them in the sandbox, and show the scores.

    For instructors, in a terminal of their notebook server. The gradebook is that of ~/courses/COURSE.
    """
    from hpcampus_grading.grading import GradingProblem, grade_assignment  # noqa: PLC0415 (takes seconds)

    # nbgrader's own queries make SQLAlchemy warn its developers, in the middle of the instructor's table.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    try:
        complete = grade_assignment(course, assignment, feedback=feedback, again=again, say=click.echo)
    except GradingProblem as error:
        click.echo(error.log, err=True)
        raise click.ClickException(str(error)) from error
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if complete else 1)
