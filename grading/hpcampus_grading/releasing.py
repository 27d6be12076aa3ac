"""From an assignment's source to the version that learners fetch, straight into the exchange's store."""

import getpass
import hashlib
import io
import tempfile
from pathlib import Path

from hpcampus_courses import BadFile, Catalogue

from hpcampus_grading.archive import BadArchive, Limits, inspect, pack
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.ledger import Ledger, Upload
from hpcampus_grading.notebooks import BadNotebook, find_leftovers
from hpcampus_grading.receipts import BadKey
from hpcampus_grading.store import Store
from hpcampus_grading.tables import ReleaseRow


class ReleaseProblem(RuntimeError):
    """Nothing was released; the message says why."""


def release_assignment(
    course: str, assignment: str, database: str, store: Path, courses: Path, *, replace: bool = True
) -> str:
    """Release an assignment, unless this very source is released already; answers what was done.

    Without `replace`, what an instructor has released stays.
    """
    try:
        source = Catalogue.load(courses).source(course, assignment)
    except (BadFile, LookupError) as error:
        raise ReleaseProblem(str(error)) from error
    opened = open_database(database)
    try:
        ledger = _ledger(opened, store)
        sha256 = _sha256_of(source)
        current = ledger.released(course, assignment)
        if current is not None and current.source_sha256 == sha256:
            return f"{course}/{assignment} is released already (sha256 {current.sha256})."
        if current is not None and not current.source_sha256 and not replace:
            return f"An instructor has released {course}/{assignment}: it stays as it is."
        row = _release(ledger, source, course, assignment, sha256)
        return f"Released {course}/{assignment} (sha256 {row.sha256})."
    finally:
        opened.close()


def _ledger(database: Database, store: Path) -> Ledger:
    try:
        return Ledger(database, Store(store))
    except BadKey as error:
        raise ReleaseProblem(str(error)) from error


def _sha256_of(source: Path) -> str:
    packed = io.BytesIO()
    pack(source, packed)
    return hashlib.sha256(packed.getvalue()).hexdigest()


def _release(ledger: Ledger, source: Path, course: str, assignment: str, source_sha256: str) -> ReleaseRow:
    with tempfile.TemporaryDirectory() as workshop, ledger.store.incoming() as file:
        pack(_learners_version(source, Path(workshop), assignment), file)
        file.flush()
        try:
            files = inspect(Path(file.name), Limits())
        except (BadArchive, BadNotebook) as error:
            raise ReleaseProblem(f"{course}/{assignment} can't be released: {error}") from error
        if left := find_leftovers(file):
            raise ReleaseProblem(_why_not(left))
        upload = Upload(file, file.seek(0, io.SEEK_END), files)
        return ledger.release(course, assignment, getpass.getuser(), upload, source_sha256)


def _why_not(left: str) -> str:
    if "AUTOTEST" not in left:
        return left
    return (
        f"{left} Tests that nbgrader makes by running the solution are made where instructors work: "
        "release this assignment in Formgrader."
    )


def _learners_version(source: Path, workshop: Path, assignment: str) -> Path:
    try:
        from hpcampus_grading.generate import learners_version  # noqa: PLC0415 (needs nbgrader)
    except ModuleNotFoundError as error:
        raise ReleaseProblem(
            f"{error.name} is not installed here: install hpcampus-grading[nbgrader], or let an instructor "
            "release the assignment in Formgrader."
        ) from error
    try:
        return learners_version(source, workshop, assignment)
    except Exception as error:
        raise ReleaseProblem(f"nbgrader can't make the learners' version of {source}: {error}") from error
