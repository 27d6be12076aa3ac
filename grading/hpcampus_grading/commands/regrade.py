"""`campus regrade`: grade again after a test was fixed; who changes is shown before it is written."""

import sys
from typing import TYPE_CHECKING

import click

from hpcampus_grading.commands.crew import crew_options, grading

if TYPE_CHECKING:
    from hpcampus_grading.batch.regrading import Regrade


@click.command()
@click.argument("course")
@click.argument("assignment")
@click.option("--why", prompt="Why", help="The reason, which is kept with each grade that changes.")
@click.option("--yes", is_flag=True, help="Write it without asking.")
@crew_options
def regrade(course: str, assignment: str, why: str, yes: bool, on: str, workers: int | None) -> None:
    """Grade what was graded of an ASSIGNMENT by its tests as they are in ~/courses/COURSE/source now.

    Whose score would change, and by how much, is shown first. Points and comments that people gave stay, and
    ask for another look. Stopped in the midst, it goes on with what is left when it is called again.
    """

    def agree(regraded: "Regrade") -> bool:
        for line in what_changes(regraded):
            click.echo(line)
        agreed = yes or click.confirm("Write this?")
        click.echo("Written." if agreed else "Nothing was changed.")
        return agreed

    with grading(course, on, workers) as grader:
        complete = grader.regrade(assignment, why, agree)
    sys.exit(0 if complete else 1)


def what_changes(regraded: "Regrade") -> list[str]:
    """A line for each learner whose score would be another, and what is left as it is."""
    lines = [
        f"{change.learner}: {change.old:g} -> {change.new:g} ({change.new - change.old:+g})"
        for change in regraded.changes
    ]
    lines.append(f"{len(lines)} of {len(regraded.results)} scores change.")
    if regraded.skipped:
        newer = ", ".join(regraded.skipped)
        lines.append(f"Left out, because a newer submission waits for `campus grade`: {newer}.")
    return lines
