"""What travels between the exchange service and its clients: frozen models, unknown keys rejected."""

from datetime import datetime
from typing import Annotated, Literal

from hpcampus_courses.deadline import LateStep
from hpcampus_courses.extension import Reason, UserName
from hpcampus_courses.model import HiddenTests, ImportName, OnSubmission, Slug
from hpcampus_spawner.models import Model
from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from hpcampus_grading.sandbox.report import Flag

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
# The sender's own name for a request, the same when it is repeated.
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
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

    `sha256` and `size` (bytes) are those of the archive exactly as it was received. `due` is the learner's
    own deadline at that moment, `sent_at` what the sender's clock said. `audit_hash` names the line of the
    audit log, `signed_with` the key of the `signature`; older receipts have none of them.
    """

    id: Identifier
    course: Slug
    assignment: Slug
    learner: UserName
    attempt: int = Field(default=0, ge=0)
    received_at: AwareDatetime
    sent_at: AwareDatetime | None = None
    due: AwareDatetime | None = None
    late_seconds: int | None = None
    percent_off: float | None = None
    sha256: Sha256
    size: int = Field(ge=0)
    files: tuple[FileEntry, ...]
    audit_hash: str | None = None
    signed_with: str | None = None
    signature: str | None = None


class Feedback(Model):
    """Feedback on one submission, as released by an instructor."""

    submission: Identifier
    released_at: AwareDatetime
    sha256: Sha256
    size: int = Field(ge=0)
    files: tuple[FileEntry, ...]


class Submission(Model):
    """A receipt with what happened since.

    `late_seconds` and `percent_off`, what lateness costs, are those of today's rules and extensions;
    None where there is no due date.
    """

    receipt: Receipt
    late_seconds: int | None
    percent_off: float | None = None
    feedback: Feedback | None = None


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
    """An assignment for the caller, released or not: `due`, `closes` and `attempts` with their own extension.

    After `closes` nothing is accepted; None for never. `attempts` None is as many as one likes.
    """

    slug: Slug
    title: str
    notebook: str
    points: int
    due: AwareDatetime | None
    released: bool
    grace_minutes: int = 0
    late: tuple[LateStep, ...] | None = None
    closes: AwareDatetime | None = None
    attempts: int | None = None
    extended: bool = False
    hidden_tests_in_feedback: HiddenTests = "messages"
    grade_on_submission: OnSubmission | None = None


class CourseInfo(Model):
    """A course that the caller is in, and as what; `libraries` are what its sandbox must offer.

    An instructor may be `enrolled` in it as well.
    """

    slug: Slug
    title: str
    role: Role
    enrolled: bool = False
    libraries: tuple[ImportName, ...]
    assignments: tuple[AssignmentInfo, ...]


class Extension(Model):
    """More time or more attempts for one learner; `due` None leaves the deadline as it is.

    `granted_by` is an instructor, or the course's file (`stated_by`), which is never the name of anybody.
    """

    learner: UserName
    due: AwareDatetime | None
    attempts: int
    reason: str
    granted_by: str
    granted_at: AwareDatetime


class CellGrade(Model):
    """The points of one cell: what tests gave, what a person gave instead or on top, and their comment.

    `points` is the most that it gives; None where it gives none, and in grades of an older version.
    """

    notebook: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    cell: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    points: float | None = None
    comment: Annotated[str, StringConstraints(max_length=20_000)] | None = None


class Grade(Model):
    """What a submission is worth, after `penalty` was taken off; `needs_person`: it isn't final yet."""

    submission: Identifier
    score: float = Field(ge=0)
    max_score: float = Field(ge=0)
    penalty: float = Field(default=0, ge=0)
    needs_person: bool = False
    cells: tuple[CellGrade, ...] = Field(default=(), max_length=5000)
    flags: tuple[Flag, ...] = Field(default=(), max_length=1000)


class Grades(Model):
    """Grades to be recorded, and why they are what they are."""

    reason: Reason
    grades: tuple[Grade, ...] = Field(max_length=20_000)


class GradeChange(Model):
    """A grade that is new or differs from what was recorded before; `old` None where there was none."""

    learner: UserName
    submission: Identifier
    old: float | None
    new: float


class RecordedGrade(Model):
    """The latest grade of a submission, whose it is, and who recorded it."""

    learner: UserName
    assignment: Slug
    grade: Grade
    reason: str
    recorded_by: str
    recorded_at: AwareDatetime


Verdict = Literal["upheld", "dismissed"]


class RaisedFlag(Model):
    """A sign of tampering in a submission's cell; `verdict` is None until a person has decided."""

    number: int
    learner: UserName
    assignment: Slug
    submission: Identifier
    notebook: str
    cell: str
    kind: str
    evidence: str
    raised_at: AwareDatetime
    verdict: Verdict | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: AwareDatetime | None = None


class Decision(Model):
    """What a person makes of a flag, and why."""

    verdict: Verdict
    reason: Reason


class LogEntry(Model):
    """One line of the audit log; `facts` is None where a person was erased."""

    number: int
    at: AwareDatetime
    action: str
    facts: dict[str, JsonValue] | None
    hash: Sha256


class Problem(Model):
    """Why a request was refused: what happened and what to do, in a sentence."""

    detail: str
