"""`campus similarity`: which submissions share more than others do."""

from pathlib import Path

import click


@click.command()
@click.argument("course")
@click.argument("assignment")
@click.option(
    "--at-least",
    type=click.IntRange(1, 100),
    default=40,
    show_default=True,
    help="List pairs of which one shares so many percent of their own work.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page to write; else similarity/ASSIGNMENT.html in the course folder.",
)
def similarity(course: str, assignment: str, at_least: int, to: Path | None) -> None:
    """Compare the latest submissions of an ASSIGNMENT: a table, and a page with cells side by side.

    For instructors, in a terminal of their notebook server. It is a hint where a person might look, and never
    a verdict: what everybody was given, and what many have, is left out; short exercises have few solutions.
    """
    from hpcampus_grading.clock import utc_now  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.course_folder import CourseFolder  # noqa: PLC0415
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415
    from hpcampus_grading.folders import write_atomically  # noqa: PLC0415
    from hpcampus_grading.similarity.finding import compare_submissions  # noqa: PLC0415
    from hpcampus_grading.similarity.report import as_page, as_table  # noqa: PLC0415

    try:
        found = compare_submissions(Client.from_environment(), course, assignment, at_least / 100)
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error
    for line in as_table(found):
        click.echo(line)
    page = to or CourseFolder(course).path / "similarity" / f"{assignment}.html"
    write_atomically(page, as_page(found, course, assignment, utc_now()))
    click.echo(f"{found.works} submissions, {len(found.pairs)} pairs to look at: {page}")
    click.echo("This is a hint where a person might look, and never a verdict.")
