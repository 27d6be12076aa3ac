"""What travels between the exchange service and its clients: frozen models, unknown keys rejected."""

from datetime import datetime
from typing import Annotated, Literal

from hpcampus_courses.model import ImportName, Slug
from hpcampus_spawner.models import Model
from pydantic import AwareDatetime, Field, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
# A hub user name that is safe as a folder's name wherever submissions are collected.
UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$")]
Role = Literal["learner", "instructor"]

# nbgrader's own format of timestamps, which is also the name of a folder of feedback.
TIMESTAMP = "%Y-%m-%d %H:%M:%S.%f UTC"


def timestamp(moment: datetime) -> str:
    """A moment (UTC) as nbgrader writes it."""
    return moment.strftime(TIMESTAMP)


class FileEntry(Model):
    """One file of an archive: its path inside, its size in bytes and its own hash."""

    path: str
    size: int = Field(ge=0)
    sha256: Sha256


class Receipt(Model):
    """Proof that a submission is stored: who, what, and when by the server's clock (UTC).

    `sha256` and `size` (bytes) are those of the archive exactly as it was received.
    """

    id: Identifier
    course: Slug
    assignment: Slug
    learner: UserName
    received_at: AwareDatetime
    sha256: Sha256
    size: int = Field(ge=0)
    files: tuple[FileEntry, ...]


class Feedback(Model):
    """Feedback on one submission, as released by an instructor."""

    submission: Identifier
    released_at: AwareDatetime
    sha256: Sha256
    size: int = Field(ge=0)
    files: tuple[FileEntry, ...]


class Submission(Model):
    """A receipt with what happened since; `late_seconds` is None where the assignment has no due date."""

    receipt: Receipt
    late_seconds: int | None
    feedback: Feedback | None


class Release(Model):
    """The version of an assignment that learners fetch."""

    course: Slug
    assignment: Slug
    title: str
    points: int
    due: AwareDatetime | None
    released_at: AwareDatetime
    sha256: Sha256
    size: int = Field(ge=0)
    files: tuple[FileEntry, ...]


class AssignmentInfo(Model):
    """An assignment as its course states it, released or not."""

    slug: Slug
    title: str
    notebook: str
    points: int
    due: AwareDatetime | None
    released: bool


class CourseInfo(Model):
    """A course that the caller is in, and as what; `libraries` are what its sandbox must offer."""

    slug: Slug
    title: str
    role: Role
    libraries: tuple[ImportName, ...]
    assignments: tuple[AssignmentInfo, ...]


class Problem(Model):
    """Why a request was refused: what happened and what to do, in a sentence."""

    detail: str
