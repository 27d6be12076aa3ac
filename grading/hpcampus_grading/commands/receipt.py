"""`campus receipt`: what a receipt proves."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def receipt() -> None:
    """Receipts of submissions."""


@receipt.command()
@click.argument("file", type=_FILE)
@click.option("--key", type=_FILE, help="The exchange's public key (PEM); else the exchange is asked for it.")
@click.option(
    "--files",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A folder to compare with what was submitted.",
)
def verify(file: Path, key: Path | None, files: Path | None) -> None:
    """Check that the exchange gave the receipt FILE, and that nobody has changed it since.

    Needs no network with --key: the exchange gives its public key to everybody, at <exchange>/receipt-key.
    Ends with 0 when all that was checked is right.
    """
    from hpcampus_grading.messages import Receipt  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.words import in_words  # noqa: PLC0415

    try:
        content = json.loads(file.read_bytes())
        parsed = Receipt.model_validate(content)
    except ValueError as error:
        raise click.ClickException(f"{file} is not a receipt: {error}") from error
    _check_signature(content, key)
    for line in in_words(parsed, whose=parsed.learner):
        click.echo(line)
    click.echo(f"It was {len(parsed.files)} files; the whole has the sha256 {parsed.sha256}.")
    if files is None:
        click.echo("Not compared: the files themselves. Add --files FOLDER for that.")
        return
    differences = list(_differences(parsed, files))
    for line in differences or [f"Every file in {files} is as it was submitted."]:
        click.echo(line)
    sys.exit(1 if differences else 0)


def _check_signature(content: Mapping[str, Any], file: Path | None) -> None:
    from hpcampus_grading.receipts import BadKey, PublicKey  # noqa: PLC0415

    if not content.get("signature"):
        raise click.ClickException(
            "This receipt is from before receipts were signed: nothing can be checked."
        )
    try:
        key = PublicKey.from_pem(file.read_bytes() if file else _asked_for())
    except BadKey as error:
        raise click.ClickException(f"{file or 'The answer of the exchange'}: {error}") from error
    if content.get("signed_with") != key.name:
        raise click.ClickException(
            f"This receipt was signed with the key {content.get('signed_with')}, and this is the key "
            f"{key.name}: it comes from another exchange, or from before the exchange had this key. "
            "Give the other key with --key."
        )
    if not key.has_signed(content):
        raise click.ClickException("NOT genuine: somebody has changed this receipt, or made it up.")
    click.echo(f"Genuine: the exchange with the key {key.name} gave this receipt, and it is unchanged.")


def _asked_for() -> bytes:
    from hpcampus_grading.exchange.client import Client, ExchangeProblem  # noqa: PLC0415

    url = os.environ.get("CAMPUS_EXCHANGE_URL")
    if not url:
        raise click.ClickException(
            "Say where the public key is, with --key FILE; or set CAMPUS_EXCHANGE_URL."
        )
    try:
        return Client(url, "").receipt_key()
    except ExchangeProblem as error:
        raise click.ClickException(str(error)) from error


def _differences(parsed: Any, folder: Path) -> Iterator[str]:
    from hpcampus_grading.archive import files_to_pack, sha256_of  # noqa: PLC0415

    submitted = {entry.path: entry.sha256 for entry in parsed.files}
    here = {path.relative_to(folder).as_posix(): path for path in files_to_pack(folder)}
    for name in sorted({*submitted, *here}):
        if name not in here:
            yield f"{name} was submitted and is not in {folder}."
        elif name not in submitted:
            yield f"{name} was not submitted."
        elif sha256_of(here[name]) != submitted[name]:
            yield f"{name} is not as it was submitted."
