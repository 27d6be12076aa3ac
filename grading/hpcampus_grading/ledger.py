"""Who handed in what, and when: the one place that writes to the store and then to the database."""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from hpcampus_courses import Assignment
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.admission import KeyReused, admit
from hpcampus_grading.clock import in_utc, utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.extensions import extension_of
from hpcampus_grading.messages import Feedback, FileEntry, Receipt, Submission
from hpcampus_grading.receipts import SigningKey
from hpcampus_grading.store import Store
from hpcampus_grading.submitted import submitted
from hpcampus_grading.tables import Archived, FeedbackRow, ReleaseRow, SubmissionRow

log = logging.getLogger("hpcampus.exchange")


@dataclass(frozen=True)
class Upload:
    """An archive that was received and checked, not yet stored."""

    file: BinaryIO
    size: int
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Request:
    """What came with a submission: the sender's name for it, the same in a retry, and their clock."""

    key: str | None = None
    sent_at: datetime | None = None


NOTHING_MORE = Request()


class Ledger:
    """Records releases, submissions and feedback. Whatever a method returned has reached the disk."""

    def __init__(self, database: Database, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self.store = store
        self._clock = clock
        self._key = SigningKey.of(store.folder)
        self.receipt_key = self._key.public

    # Submissions

    def admit(
        self, course: str, assignment: Assignment, learner: str, request: Request = NOTHING_MORE
    ) -> None:
        """Raise `NotAccepted` for what would be refused whatever is in it; a retry is let through."""
        with self._database.reading() as session:
            mine = _attempts(course, assignment.slug, learner)
            if request.key and session.scalars(mine.filter_by(key=request.key)).first():
                return
            latest = session.scalars(mine.limit(1)).first()
            extension = extension_of(session, course, assignment.slug, learner)
            # One more than allowed may still be the latest again, whose receipt was lost on its way.
            so_far = max(0, latest.attempt - 1) if latest else 0
            admit(assignment, extension, so_far, self._clock())

    def submit(
        self,
        course: str,
        assignment: Assignment,
        learner: str,
        upload: Upload,
        request: Request = NOTHING_MORE,
    ) -> tuple[Receipt, bool]:
        """Store a submission; answers its receipt, and whether it is new. Raises `NotAccepted`, `KeyReused`.

        The key of an earlier submission, and the same content as the learner's latest one, give the receipt
        they already have: a retry after a lost answer, a double click or a second tab never makes two of one.
        """
        received_at = self._clock()
        sha256 = self.store.keep(upload.file)
        with self._database.writing() as session:
            self.store.make_sure(upload.file, sha256)
            mine = _attempts(course, assignment.slug, learner)
            latest = session.scalars(mine.limit(1)).first()
            if known := _known(session, mine, latest, sha256, request):
                receipt, new = receipt_of(known), False
            else:
                extension = extension_of(session, course, assignment.slug, learner)
                so_far = latest.attempt if latest else 0
                deadline, standing = admit(assignment, extension, so_far, received_at)
                row = SubmissionRow(
                    id=uuid.uuid4().hex,
                    course=course,
                    assignment=assignment.slug,
                    learner=learner,
                    attempt=so_far + 1,
                    received_at=received_at,
                    sent_at=request.sent_at,
                    due=deadline and deadline.due,
                    late_seconds=standing and standing.late_seconds,
                    percent_off=standing and standing.percent_off,
                    key=request.key,
                    sha256=sha256,
                    size=upload.size,
                    files=_dump(upload.files),
                )
                receipt, new = self._add(session, row), True
        _log("submit" if new else "resubmit", learner, receipt)
        return receipt, new

    def _add(self, session: Session, row: SubmissionRow) -> Receipt:
        """Write the submission and its line in the log, and sign what is written."""
        row.audit_hash = audit.append(
            session,
            row.received_at,
            "submit",
            row.course,
            who=row.learner,
            submission=row.id,
            assignment=row.assignment,
            attempt=row.attempt,
            sha256=row.sha256,
        )
        row.signed_with = self.receipt_key.name
        row.signature = self._key.sign(receipt_of(row).model_dump(mode="json"))
        session.add(row)
        return receipt_of(row)

    def submissions(
        self, courses: Sequence[str], assignment: str | None = None, learner: str | None = None
    ) -> tuple[Submission, ...]:
        """Submissions in some courses, oldest first."""
        which: list[ColumnElement[bool]] = [SubmissionRow.course.in_(courses)]
        if assignment is not None:
            which.append(SubmissionRow.assignment == assignment)
        if learner is not None:
            which.append(SubmissionRow.learner == learner)
        with self._database.reading() as session:
            return submitted(session, *which)

    def submission(self, identifier: str) -> Submission | None:
        """One submission, if it exists."""
        with self._database.reading() as session:
            return next(iter(submitted(session, SubmissionRow.id == identifier)), None)

    # Feedback

    def give_feedback(self, submission: Receipt, instructor: str, upload: Upload) -> Feedback:
        """Store feedback on a submission; the newest replaces what was there, and nothing is deleted."""
        sha256 = self.store.keep(upload.file)
        with self._database.writing() as session:
            self.store.make_sure(upload.file, sha256)
            row = FeedbackRow(
                submission_id=submission.id,
                released_by=instructor,
                released_at=self._clock(),
                sha256=sha256,
                size=upload.size,
                files=_dump(upload.files),
            )
            session.add(row)
            audit.append(
                session,
                row.released_at,
                "feedback",
                submission.course,
                who=instructor,
                submission=submission.id,
                learner=submission.learner,
                sha256=sha256,
            )
        _log("feedback", instructor, submission)
        return _feedback(row)

    # Releases

    def release(
        self, course: str, assignment: str, who: str, upload: Upload, source_sha256: str | None = None
    ) -> ReleaseRow:
        """Store a new version of an assignment for learners."""
        sha256 = self.store.keep(upload.file)
        with self._database.writing() as session:
            self.store.make_sure(upload.file, sha256)
            row = ReleaseRow(
                course=course,
                assignment=assignment,
                released_by=who,
                released_at=self._clock(),
                source_sha256=source_sha256,
                sha256=sha256,
                size=upload.size,
                files=_dump(upload.files),
            )
            session.add(row)
            audit.append(
                session, row.released_at, "release", course, who=who, assignment=assignment, sha256=sha256
            )
        log.info("action=release who=%s course=%s assignment=%s sha256=%s", who, course, assignment, sha256)
        return row

    def released(self, course: str, assignment: str) -> ReleaseRow | None:
        """The version of an assignment that learners get now, if any."""
        query = select(ReleaseRow).filter_by(course=course, assignment=assignment, withdrawn_at=None)
        with self._database.reading() as session:
            return session.scalars(query.order_by(ReleaseRow.number.desc()).limit(1)).first()

    def withdraw(self, course: str, assignment: str, who: str) -> None:
        """Stop giving an assignment out; submissions stay."""
        now = self._clock()
        query = select(ReleaseRow).filter_by(course=course, assignment=assignment, withdrawn_at=None)
        with self._database.writing() as session:
            for row in session.scalars(query):
                row.withdrawn_at = now
            audit.append(session, now, "withdraw", course, who=who, assignment=assignment)
        log.info("action=withdraw who=%s course=%s assignment=%s", who, course, assignment)

    def check(self) -> None:
        """Raise unless the database answers and the store can be written."""
        self._database.check()
        with self.store.incoming() as file:
            file.write(b"ready?")
            file.flush()


def files_of(row: Archived) -> tuple[FileEntry, ...]:
    """The files of a stored archive."""
    return tuple(FileEntry.model_validate(entry) for entry in row.files)


def _attempts(course: str, assignment: str, learner: str) -> Select[SubmissionRow]:
    """A learner's submissions of an assignment, the latest first."""
    mine = select(SubmissionRow).filter_by(course=course, assignment=assignment, learner=learner)
    return mine.order_by(SubmissionRow.attempt.desc())


def _known(
    session: Session,
    mine: Select[SubmissionRow],
    latest: SubmissionRow | None,
    sha256: str,
    request: Request,
) -> SubmissionRow | None:
    """The submission that this request only repeats."""
    earlier = session.scalars(mine.filter_by(key=request.key)).first() if request.key else None
    if earlier is not None and earlier.sha256 != sha256:
        raise KeyReused
    return earlier or (latest if latest is not None and latest.sha256 == sha256 else None)


def _dump(files: Sequence[FileEntry]) -> list[dict[str, object]]:
    return [entry.model_dump() for entry in files]


def receipt_of(row: SubmissionRow) -> Receipt:
    """The receipt that was given for it."""
    return Receipt(
        id=row.id,
        course=row.course,
        assignment=row.assignment,
        learner=row.learner,
        attempt=row.attempt,
        received_at=in_utc(row.received_at),
        sent_at=row.sent_at and in_utc(row.sent_at),
        due=row.due and in_utc(row.due),
        late_seconds=row.late_seconds,
        percent_off=row.percent_off,
        sha256=row.sha256,
        size=row.size,
        files=files_of(row),
        audit_hash=row.audit_hash,
        signed_with=row.signed_with,
        signature=row.signature,
    )


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(
        submission=row.submission_id,
        released_at=row.released_at,
        sha256=row.sha256,
        size=row.size,
        files=files_of(row),
    )


def _log(action: str, who: str, receipt: Receipt) -> None:
    log.info(
        "action=%s who=%s course=%s assignment=%s learner=%s id=%s sha256=%s",
        action,
        who,
        receipt.course,
        receipt.assignment,
        receipt.learner,
        receipt.id,
        receipt.sha256,
    )
