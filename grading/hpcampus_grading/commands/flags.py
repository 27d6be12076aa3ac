"""`campus flags`: what looked like tampering, and what a person decides about it."""

import click


@click.command()
@click.argument("course")
@click.option("--assignment", default="", help="Only those of one assignment.")
@click.option("--uphold", type=int, metavar="NUMBER", help="Decide that this flag is right.")
@click.option("--dismiss", type=int, metavar="NUMBER", help="Decide that this flag is wrong.")
@click.option("--why", default="", help="The reason, which is kept; needed for a decision.")
def flags(course: str, assignment: str, uphold: int | None, dismiss: int | None, why: str) -> None:
    """Show the signs of tampering in COURSE, or decide about one of them.

    A flagged cell has no points. To give them after all, dismiss the flag and enter the points in Formgrader.
    """
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415 (takes a second)

    if uphold and dismiss:
        raise click.UsageError("Decide about one flag at a time.")
    number = uphold or dismiss
    if number and not why.strip():
        raise click.UsageError("Say why, with --why.")
    try:
        client = Client.from_environment()
        if number:
            client.decide(course, number, "upheld" if uphold else "dismissed", why)
        found = client.flags(course, assignment)
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error
    for flag in found:
        decided = (
            f"{flag.verdict} by {flag.decided_by}: {flag.reason}" if flag.verdict else "nobody has decided"
        )
        click.echo(f"{flag.number}  {flag.learner}  {flag.assignment}  {flag.cell}  ({decided})")
        # What a learner's code may have had a hand in doesn't move the cursor.
        click.echo(f"    {flag.kind}: {flag.evidence!a}")
    click.echo(f"{len(found)} flags.")
