"""`campus submit`: hand in a folder, without JupyterLab."""

import os
from pathlib import Path

import click

TOKEN_FILE = Path("~/.config/hpcampus/token")
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@click.argument("course")
@click.argument("assignment")
@click.argument("folder", type=_FOLDER, default=Path())
@click.option(
    "--url",
    envvar="CAMPUS_EXCHANGE_URL",
    help="The exchange: https://<hub>/services/exchange.",
    required=True,
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    default=TOKEN_FILE,
    show_default=True,
    help="A file with a token of yours, from the hub's page /hub/token; not needed in a notebook server.",
)
def submit(course: str, assignment: str, folder: Path, url: str, token_file: Path) -> None:
    """Submit the files in FOLDER, or here, as your ASSIGNMENT of COURSE; the receipt is kept beside them."""
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.submitting import submit_folder  # noqa: PLC0415
    from hpcampus_grading.words import in_words  # noqa: PLC0415

    try:
        client = Client(url, _token(token_file.expanduser()))
        receipt, path = submit_folder(client, course, assignment, folder.absolute())
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error
    for line in (*in_words(receipt), f"The receipt is {path} (sha256 {receipt.sha256})."):
        click.echo(line)


def _token(file: Path) -> str:
    """The notebook server's own token, or the one in the file; never a word of the command line."""
    if token := os.environ.get("JUPYTERHUB_API_TOKEN"):
        return token
    try:
        if file.stat().st_mode & 0o077:
            raise click.ClickException(f"Others can read your token: chmod 600 {file}")
        return file.read_text().strip()
    except OSError as error:
        raise click.ClickException(
            f"There is no token: make one at the hub's page /hub/token and write it into {file} "
            f"(chmod 600). {error.strerror}."
        ) from error
