"""`campus course`: write a course, know that it is right, and say what it is."""

import warnings
from pathlib import Path

import click
from hpcampus_courses import BadFile, Catalogue
from hpcampus_courses.page import course_page
from hpcampus_courses.scaffold import write_course
from sqlalchemy.exc import SAWarning

_FOLDER = click.Path(path_type=Path, file_okay=False)
_courses = click.option(
    "--courses",
    envvar="CAMPUS_COURSES",
    type=_FOLDER,
    default=Path("courses"),
    show_default=True,
    help="Folder of the courses.",
)


@click.group()
def course() -> None:
    """Write a course, and check it as its learners will use it. For instructors."""


@course.command()
@click.argument("slug")
@click.option("--assignment", "only", multiple=True, help="Only this assignment; can be given again.")
@click.option(
    "--mutants/--no-mutants", default=True, help="Try the tests on solutions with one mistake each."
)
@click.option("--graded-seconds", default=60.0, show_default=True, help="What the graded part may take.")
@click.option("--module-seconds", default=600.0, show_default=True, help="What a notebook may take.")
@_courses
def check(
    slug: str,
    only: tuple[str, ...],
    mutants: bool,
    graded_seconds: float,
    module_seconds: float,
    courses: Path,
) -> None:
    """Check the course SLUG: texts, solutions, and every answer that it knows, in the sandbox.

    Ends with 1 when there is something to do, and says what.
    """
    from hpcampus_grading.gradebook import GradingProblem  # noqa: PLC0415 (nbgrader takes seconds to import)
    from hpcampus_grading.rehearsal import Depth, rehearse  # noqa: PLC0415
    from hpcampus_grading.sandbox.surroundings import SandboxUnavailable  # noqa: PLC0415

    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    depth = Depth(graded_seconds, module_seconds, Depth.mutants if mutants else None)
    passed = True
    try:
        wanted = Catalogue.load(courses).course(slug)
        assignments = [wanted.assignment(name) for name in only] or list(wanted.assignments)
        for assignment in assignments:
            report = rehearse(wanted, assignment, courses / slug, depth)
            passed = passed and report.passed
            click.echo(report)
    except GradingProblem as error:
        click.echo(error.log, err=True)
        raise click.ClickException(str(error)) from error
    except (BadFile, LookupError, SandboxUnavailable) as error:
        raise click.ClickException(str(error)) from error
    if not passed:
        raise SystemExit(1)
    click.echo("Everything is as it should be.")


@course.command()
@click.argument("slug")
@click.option("--title", help="What learners call it; by default its slug.")
@_courses
def new(slug: str, title: str | None, courses: Path) -> None:
    """Begin the course SLUG with one small lesson that passes `campus course check`."""
    try:
        folder = write_course(courses, slug, title or slug)
    except BadFile as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{folder} is a course with one lesson. Change its course.yaml and its notebooks, then run\n"
        f"campus course check {slug} --courses {courses}"
    )


@course.command()
@click.argument("slug")
@_courses
def page(slug: str, courses: Path) -> None:
    """Show the page of the course SLUG, as Markdown: what it teaches, how long it takes, what it needs."""
    try:
        click.echo(course_page(Catalogue.load(courses).course(slug)), nl=False)
    except (BadFile, LookupError) as error:
        raise click.ClickException(str(error)) from error
