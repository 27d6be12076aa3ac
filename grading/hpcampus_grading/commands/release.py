"""`campus release`: make the learners' version of an assignment and put it into the exchange's store."""

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("course")
@click.argument("assignment")
@click.option("--db", envvar="CAMPUS_EXCHANGE_DB", required=True, help="URL of the exchange's database.")
@click.option(
    "--store", envvar="CAMPUS_EXCHANGE_STORE", required=True, type=_FOLDER, help="The exchange's store."
)
@click.option(
    "--courses", envvar="CAMPUS_COURSES", required=True, type=_FOLDER, help="Folder of the courses."
)
def release(course: str, assignment: str, db: str, store: Path, courses: Path) -> None:
    """Give the learners of COURSE its ASSIGNMENT, without solutions and hidden tests.

    For operators, on the hub's machine. Nothing happens when this very source is released already.
    """
    from hpcampus_grading.releasing import ReleaseProblem, release_assignment  # noqa: PLC0415 (takes a second)

    try:
        click.echo(release_assignment(course, assignment, db, store, courses))
    except ReleaseProblem as error:
        raise click.ClickException(str(error)) from error
