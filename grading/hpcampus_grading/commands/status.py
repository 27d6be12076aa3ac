"""`campus status`: how far a class is, in a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hpcampus_grading.class_messages import AssignmentStatus, CourseStatus, LearnerStatus


@click.command()
@click.argument("course")
@click.option("--learners", "by_learner", is_flag=True, help="Where each learner stands.")
@click.option("--assignment", default="", help="Only this one.")
@click.option("--csv", "as_csv", is_flag=True, help="The same as a table; it is written down.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(course: str, assignment: str, *, by_learner: bool, as_csv: bool, as_json: bool) -> None:
    """Show how far the class of COURSE is: submitted, graded, waiting for a person, late, flagged.

    For instructors, in a terminal of their notebook server.
    """
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415 (takes a second)

    if as_csv and as_json:
        raise click.UsageError("Choose one: --csv or --json.")
    try:
        client = Client.from_environment()
        if as_csv:
            click.echo(client.learners_csv(course, assignment), nl=False)
        elif by_learner:
            _show_learners(client.learners(course, assignment), as_json=as_json)
        else:
            _show(client.status(course), assignment, as_json=as_json)
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error


def _show(course: "CourseStatus", assignment: str, *, as_json: bool) -> None:
    wanted = [one for one in course.assignments if assignment in ("", one.slug)]
    if not wanted:
        known = ", ".join(one.slug for one in course.assignments)
        raise click.ClickException(f"{course.slug} has no assignment {assignment!r}; it has: {known}")
    if as_json:
        click.echo(course.model_copy(update={"assignments": tuple(wanted)}).model_dump_json(indent=2))
        return
    for one in wanted:
        for line in in_words(one):
            click.echo(line)


def _show_learners(learners: "tuple[LearnerStatus, ...]", *, as_json: bool) -> None:
    if as_json:
        lines = ",\n".join(one.model_dump_json() for one in learners)
        click.echo(f"[{lines}]")
        return
    for one in learners:
        click.echo(learner_in_words(one))


def in_words(status: "AssignmentStatus") -> Iterator[str]:
    """One assignment as lines: the numbers, then how each exercise went."""
    yield f"{status.slug}: {status.title}"
    yield (
        f"  submitted {status.submitted} of {status.learners}, graded {status.graded}, "
        f"needs a person {status.needs_person}, late {status.late}, flagged {status.flagged}, "
        f"with feedback {status.feedback}"
    )
    if status.mean_score is not None:
        yield f"  mean score {status.mean_score:.1f}"
    width = max((len(one.cell) for one in status.exercises), default=0)
    for one in status.exercises:
        most = "" if one.points is None else f" of {one.points:g}"
        yield (
            f"  {one.cell:<{width}}  all {one.full:>4}  some {one.some:>4}  none {one.none:>4}  "
            f"mean {one.mean:.1f}{most}"
        )


def learner_in_words(one: "LearnerStatus") -> str:
    """One learner and assignment as a line."""
    facts: list[str] = [one.state]
    if one.score is not None:
        facts.append(f"{one.score:g} of {one.max_score:g}")
    if one.late_seconds:
        facts.append(f"late, {one.percent_off or 0:g} % off")
    if one.flags:
        facts.append(f"flagged {one.flags} times" if one.flags > 1 else "flagged once")
    if not one.enrolled:
        facts.append("not enrolled")
    return f"{one.assignment}  {one.learner}  {', '.join(facts)}"
