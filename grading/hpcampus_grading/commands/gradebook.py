"""`campus gradebook`: record it, export it, make it anew."""

import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import SAWarning

if TYPE_CHECKING:
    from hpcampus_grading.lti.messages import SendReport


@click.group()
def gradebook() -> None:
    """The gradebook of a course; for instructors, in a terminal of their notebook server."""
    # nbgrader's own queries make SQLAlchemy warn its developers, in the middle of the instructor's table.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


@gradebook.command()
@click.argument("course")
def rebuild(course: str) -> None:
    """Make the gradebook of COURSE anew: from its source, the submissions, and the grades that were recorded.

    Points and comments that people gave are restored. What was there is put aside in the course folder.
    """
    from hpcampus_grading.gradebook import GradingProblem  # noqa: PLC0415 (takes seconds)
    from hpcampus_grading.rebuilding import rebuild_gradebook  # noqa: PLC0415

    try:
        complete = rebuild_gradebook(course, click.echo)
    except GradingProblem as error:
        click.echo(error.log, err=True)
        raise click.ClickException(str(error)) from error
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(0 if complete else 1)


@gradebook.command()
@click.argument("course")
@click.argument("assignment")
@click.option("--why", default="graded", show_default=True, help="The reason that is kept with each change.")
def record(course: str, assignment: str, why: str) -> None:
    """Tell the exchange the grades of an ASSIGNMENT, with what people changed in Formgrader; show changes."""
    from hpcampus_grading.course_folder import CourseFolder  # noqa: PLC0415 (takes seconds)
    from hpcampus_grading.exchange.client import Client  # noqa: PLC0415
    from hpcampus_grading.gradebook import CourseGradebook  # noqa: PLC0415

    try:
        client, folder = Client.from_environment(), CourseFolder(course)
        folder.fetch(client)
        own = CourseGradebook(folder)
        own.take_over(assignment, client.recorded_grades(course, assignment))
        changes = client.record_grades(course, assignment, own.grades(assignment), why)
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    for change in changes:
        click.echo(f"{change.learner}: {'nothing' if change.old is None else change.old} -> {change.new}")
    click.echo(f"{len(changes)} grades are new or changed.")


@gradebook.command()
@click.argument("course")
def export(course: str) -> None:
    """Print the recorded grades of COURSE as CSV, safe for spreadsheets; the audit log keeps that you did."""
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415 (takes a second)

    try:
        click.echo(Client.from_environment().export(course), nl=False)
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error


@gradebook.command()
@click.argument("course")
@click.argument("assignment")
@click.option("--unfinished", is_flag=True, help="Send also grades that a person has still to complete.")
def send(course: str, assignment: str, unfinished: bool) -> None:
    """Send the recorded grades of an ASSIGNMENT to the learning platform of COURSE (LTI 1.3).

    Only what is new or changed goes, and the audit log keeps each score. Ends with 0 if everybody has theirs.
    """
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.lti.messages import SendWish  # noqa: PLC0415

    after: str | None = ""
    sent, unchanged, missing = 0, 0, 0
    try:
        client = Client.from_environment()
        while after is not None:
            report = client.send_grades(course, assignment, SendWish(unfinished=unfinished, after=after))
            for line in _told(course, report):
                click.echo(line)
            sent, unchanged = sent + len(report.sent), unchanged + report.unchanged
            left_out = (report.flagged, report.need_person, report.unknown, report.failed)
            missing += sum(map(len, left_out))
            after = report.reached
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{sent} sent to {report.platform}, {unchanged} are there already, {missing} not sent.")
    sys.exit(1 if missing else 0)


def _told(course: str, report: "SendReport") -> Iterator[str]:
    for entry in report.sent:
        yet = "" if entry.finished else ", not final"
        yield f"{entry.learner}: {entry.score:g} of {entry.max_score:g}{yet}"
    for learner in report.flagged:
        yield f"{learner}: not sent, nobody has decided about a flag yet: see campus flags {course}"
    for learner in report.need_person:
        yield f"{learner}: not sent, a person has to grade it first"
    for learner in report.unknown:
        yield f"{learner}: not sent, because their id at the platform is not known here"
    for refusal in report.failed:
        yield f"{refusal.learner}: not sent. {refusal.why}"
