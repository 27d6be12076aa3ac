"""`campus person`: what grading has of somebody, given to them or erased."""

import os
import pwd
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sqlalchemy.exc import OperationalError, SAWarning

if TYPE_CHECKING:
    from hpcampus_grading.course_folder import CourseFolder
    from hpcampus_grading.database import Database
    from hpcampus_grading.store import Store

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
ELSEWHERE = (
    "Not grading's, and as it was: the hub's user, groups and tokens; extensions that a course.yaml states; "
    "the ledger of servers; the person's home, with their copies and receipts; logs; backups; the learning "
    "platform, and the list of people for it; the cluster's accounting."
)
_BUSY = (
    "The database is in use ({error}). Do it again: until it ends well, something of {name} may be left, "
    "and be it only as bytes of deleted rows."
)


@click.group()
def person() -> None:
    """What grading keeps of a person; for operators, on the hub's machine."""
    # nbgrader's own queries make SQLAlchemy warn its developers, in the middle of the operator's answer.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


def _stores(command: Callable[..., None]) -> Callable[..., None]:
    """Where grading keeps things."""
    for option in (
        click.option("--db", envvar="CAMPUS_EXCHANGE_DB", help="URL of the exchange's database."),
        click.option("--store", envvar="CAMPUS_EXCHANGE_STORE", type=_FOLDER, help="The exchange's store."),
        click.option(
            "--course-folder",
            "course_folders",
            type=_FOLDER,
            multiple=True,
            help="An instructor's folder of a course, ~/courses/COURSE; as often as there are some.",
        ),
    ):
        command = option(command)
    return command


@person.command()
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@_stores
def export(
    name: str, target: Path, db: str | None, store: Path | None, course_folders: tuple[Path, ...]
) -> None:
    """Write all that grading has of the hub's user NAME into the zip file TARGET, which only you can read.

    Other people's names are left out. The audit log keeps that this was done.
    """
    from zipfile import ZIP_DEFLATED, ZipFile  # noqa: PLC0415

    from hpcampus_grading.person.course_folders import export_from  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.person.exporting import export as export_all  # noqa: PLC0415

    _check(name, db, store, course_folders)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{target} can't be made: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file, ZipFile(file, "w", ZIP_DEFLATED) as archive:
        with _exchange(db, store) as exchange:
            if exchange is not None:
                count = export_all(*exchange, name, _operator(), archive)
                click.echo(
                    f"{count} submissions, with receipts, feedback, grades and lines of the audit log."
                )
        for folder in _course_folders(course_folders):
            click.echo(f"{export_from(folder, name, archive)} folders of {folder.path}.")
    click.echo(f"Written to {target}.")
    click.echo(ELSEWHERE.replace(", and as it was:", ", and not in it:"))


@person.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
@_stores
def erase(name: str, yes: bool, db: str | None, store: Path | None, course_folders: tuple[Path, ...]) -> None:
    """Erase all that grading has of the hub's user NAME; what other learners handed in too stays theirs.

    Take the person out of the hub's groups first. The audit log keeps that somebody was erased, and not who.
    """
    from hpcampus_grading.person.course_folders import erase_from  # noqa: PLC0415 (takes a second)
    from hpcampus_grading.person.erasing import erase as erase_all  # noqa: PLC0415

    _check(name, db, store, course_folders)
    with _exchange(db, store) as exchange:
        if not yes:
            _announce(exchange, name, course_folders)
            click.confirm(f"Erase {name}? It can't be taken back", abort=True)
        if exchange is not None:
            try:
                done = erase_all(*exchange, name, _operator())
            except (sqlite3.OperationalError, OperationalError) as error:
                raise click.ClickException(_BUSY.format(name=name, error=error)) from error
            rows = (
                ", ".join(f"{count} {table}" for table, count in done.removed.items() if count) or "no rows"
            )
            click.echo(f"Erased as {done.subject}: {rows}, {done.files} files of the store.")
            click.echo(f"Of the audit log, {done.emptied} lines were emptied and {done.rewritten} renamed.")
            _tell_mentions(name, done.mentions)
        else:
            click.echo("The exchange was left as it is, and its audit log says nothing of this.")
    for folder in _course_folders(course_folders):
        try:
            found = erase_from(folder, name)
        except OSError as error:
            raise click.ClickException(f"{folder.path} is not done: {error}") from error
        click.echo(
            f"{folder.path}: {found.folders} folders, {found.gradebooks} gradebooks, {found.pages} pages."
        )
        _tell_mentions(name, [str(path) for path in found.mentions])
    click.echo(ELSEWHERE)


def _check(name: str, db: str | None, store: Path | None, course_folders: tuple[Path, ...]) -> None:
    from hpcampus_courses.extension import UserName  # noqa: PLC0415
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    try:
        TypeAdapter(UserName).validate_python(name)
    except ValidationError as error:
        raise click.ClickException(f"{name!r} can't be the name of a user.") from error
    if bool(db) != bool(store):
        raise click.ClickException("Give --db and --store together: they belong to each other.")
    if not db and not course_folders:
        raise click.ClickException("Say where: --db and --store for the exchange, --course-folder, or both.")


@contextmanager
def _exchange(db: str | None, store: Path | None) -> Iterator["tuple[Database, Store] | None"]:
    if not db or not store:
        yield None
        return
    from hpcampus_grading.database import open_database  # noqa: PLC0415
    from hpcampus_grading.store import Store  # noqa: PLC0415

    database = open_database(db)
    try:
        yield database, Store(store)
    finally:
        database.close()


def _course_folders(paths: tuple[Path, ...]) -> Iterator["CourseFolder"]:
    from hpcampus_grading.course_folder import CourseFolder  # noqa: PLC0415

    for path in paths:
        whole = path.absolute()
        if whole.stat().st_uid != os.geteuid():
            # Links in somebody's home must lead nobody with more rights anywhere.
            raise click.ClickException(f"{whole} is another account's: do this as its owner, with sudo -u.")
        yield CourseFolder(whole.name, whole.parent)


def _announce(exchange: "tuple[Database, Store] | None", name: str, folders: tuple[Path, ...]) -> None:
    from hpcampus_grading.person.course_folders import folders_of  # noqa: PLC0415
    from hpcampus_grading.person.rows import own_counts  # noqa: PLC0415

    if exchange is not None:
        with exchange[0].reading() as session:
            for table, count in own_counts(session, name).items():
                click.echo(f"{table}: {count}")
    for folder in folders:
        for path in folders_of(folder, name):
            click.echo(str(path))


def _tell_mentions(name: str, places: Any) -> None:
    for place in places:
        click.echo(f"{name} is still named there, by somebody else; look whether it may stay: {place}")


def _operator() -> str:
    """The Unix account, which can't be set by a variable."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
