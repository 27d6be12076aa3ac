"""`campus audit`: whether anybody has changed what was written down."""

import sys
from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def audit() -> None:
    """The log of submissions, extensions, grades, exports and feedback."""


@audit.command()
@click.option("--db", envvar="CAMPUS_EXCHANGE_DB", required=True, help="URL of the exchange's database.")
@click.option("--store", envvar="CAMPUS_EXCHANGE_STORE", type=_FOLDER, help="Also read every stored file.")
@click.option("--head", help="A last hash that you noted earlier: it must still be in the log.")
@click.option("--receipt", type=_FILE, help="A receipt: its line must be in the log.")
def verify(db: str, store: Path | None, head: str | None, receipt: Path | None) -> None:
    """Check that the audit log is whole and that the exchange's tables say what it says.

    For operators, on the hub's machine. Ends with 0 when nothing is wrong. Note the last hash somewhere else:
    an end that is cut off shows only by such a hash, or by a receipt.
    """
    from hpcampus_grading.auditing import audit_all  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.database import open_database  # noqa: PLC0415
    from hpcampus_grading.messages import Receipt  # noqa: PLC0415
    from hpcampus_grading.store import Store  # noqa: PLC0415

    try:
        given = Receipt.model_validate_json(receipt.read_bytes()) if receipt else None
    except ValueError as error:
        raise click.ClickException(f"{receipt} is not a receipt: {error}") from error
    database = open_database(db)
    try:
        report = audit_all(database, Store(store) if store else None, head=head, receipt=given)
    finally:
        database.close()
    for problem in report.problems:
        click.echo(problem)
    click.echo(
        f"{report.lines} lines, {report.erased} of them erased; {report.before_the_log} rows are older."
    )
    click.echo(f"Last hash: {report.head or 'none yet'}")
    click.echo("Stored files were read." if store else "Stored files were not read: add --store for that.")
    sys.exit(1 if report.problems else 0)
