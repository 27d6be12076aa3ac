"""Who handed in what, and when: the one place that writes to the store and then to the database."""

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hpcampus_grading.messages import Feedback, FileEntry, Receipt, Submission
from hpcampus_grading.store import Store
from hpcampus_grading.tables import Archived, FeedbackRow, ReleaseRow, SubmissionRow

log = logging.getLogger("hpcampus.exchange")


def utc_now() -> datetime:
    """The server's clock: the only one that counts."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Upload:
    """An archive that was received and checked, not yet stored."""

    file: BinaryIO
    size: int
    files: tuple[FileEntry, ...]


class Ledger:
    """Records releases, submissions and feedback. Whatever a method returned has reached the disk."""

    def __init__(self, engine: Engine, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self.store = store
        self._clock = clock

    # Submissions

    def submit(
        self, course: str, assignment: str, learner: str, upload: Upload, due: datetime | None = None
    ) -> tuple[Receipt, bool]:
        """Store a submission; answers its receipt, and whether it is new.

        The same content as the learner's latest submission gives the receipt they already have, with its
        earlier time: a retry after a lost answer, a double click or a second tab never makes two of one.
        """
        received_at = self._clock()
        sha256 = self.store.keep(upload.file)
        while True:
            row = SubmissionRow(
                id=uuid.uuid4().hex,
                course=course,
                assignment=assignment,
                learner=learner,
                received_at=received_at,
                late_seconds=_late(received_at, due),
                sha256=sha256,
                size=upload.size,
                files=_dump(upload.files),
            )
            try:
                receipt, new = self._append(row)
            except IntegrityError:
                continue  # somebody was faster with this attempt's number: look again
            _log("submit" if new else "resubmit", learner, receipt)
            return receipt, new

    def _append(self, row: SubmissionRow) -> tuple[Receipt, bool]:
        with Session(self._engine) as session, session.begin():
            latest = session.scalars(
                select(SubmissionRow)
                .filter_by(course=row.course, assignment=row.assignment, learner=row.learner)
                .order_by(SubmissionRow.attempt.desc())
                .limit(1)
            ).first()
            if latest is not None and latest.sha256 == row.sha256:
                return _receipt(latest), False
            row.attempt = latest.attempt + 1 if latest else 1
            session.add(row)
            session.flush()
            return _receipt(row), True

    def submissions(
        self, courses: Sequence[str], assignment: str | None = None, learner: str | None = None
    ) -> tuple[Submission, ...]:
        """Submissions in some courses, oldest first."""
        query = select(SubmissionRow).where(SubmissionRow.course.in_(courses))
        if assignment is not None:
            query = query.filter_by(assignment=assignment)
        if learner is not None:
            query = query.filter_by(learner=learner)
        with Session(self._engine) as session:
            rows = session.scalars(query.order_by(SubmissionRow.received_at, SubmissionRow.attempt))
            return tuple(_submission(row) for row in rows)

    def submission(self, identifier: str) -> Submission | None:
        """One submission, if it exists."""
        with Session(self._engine) as session:
            row = session.get(SubmissionRow, identifier)
            return _submission(row) if row else None

    # Feedback

    def give_feedback(self, submission: Receipt, instructor: str, upload: Upload) -> Feedback:
        """Store feedback on a submission; the newest replaces what was there, and nothing is deleted."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            row = FeedbackRow(
                submission_id=submission.id,
                released_by=instructor,
                released_at=self._clock(),
                sha256=self.store.keep(upload.file),
                size=upload.size,
                files=_dump(upload.files),
            )
            session.add(row)
        _log("feedback", instructor, submission)
        return _feedback(row)

    # Releases

    def release(
        self, course: str, assignment: str, who: str, upload: Upload, source_sha256: str | None = None
    ) -> ReleaseRow:
        """Store a new version of an assignment for learners."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            row = ReleaseRow(
                course=course,
                assignment=assignment,
                released_by=who,
                released_at=self._clock(),
                source_sha256=source_sha256,
                sha256=self.store.keep(upload.file),
                size=upload.size,
                files=_dump(upload.files),
            )
            session.add(row)
        log.info(
            "action=release who=%s course=%s assignment=%s sha256=%s", who, course, assignment, row.sha256
        )
        return row

    def released(self, course: str, assignment: str) -> ReleaseRow | None:
        """The version of an assignment that learners get now, if any."""
        query = select(ReleaseRow).filter_by(course=course, assignment=assignment, withdrawn_at=None)
        with Session(self._engine) as session:
            return session.scalars(query.order_by(ReleaseRow.number.desc()).limit(1)).first()

    def withdraw(self, course: str, assignment: str, who: str) -> None:
        """Stop giving an assignment out; submissions stay."""
        with Session(self._engine) as session, session.begin():
            rows = session.scalars(
                select(ReleaseRow).filter_by(course=course, assignment=assignment, withdrawn_at=None)
            )
            for row in rows:
                row.withdrawn_at = self._clock()
        log.info("action=withdraw who=%s course=%s assignment=%s", who, course, assignment)

    def check(self) -> None:
        """Raise unless the database answers and the store can be written."""
        with Session(self._engine) as session:
            session.execute(select(1))
        with self.store.incoming() as file:
            file.write(b"ready?")


def files_of(row: Archived) -> tuple[FileEntry, ...]:
    """The files of a stored archive."""
    return tuple(FileEntry.model_validate(entry) for entry in row.files)


def _dump(files: Sequence[FileEntry]) -> list[dict[str, object]]:
    return [entry.model_dump() for entry in files]


def _late(received_at: datetime, due: datetime | None) -> int | None:
    return None if due is None else max(0, int((received_at - due).total_seconds()))


def _receipt(row: SubmissionRow) -> Receipt:
    return Receipt(
        id=row.id,
        course=row.course,
        assignment=row.assignment,
        learner=row.learner,
        received_at=row.received_at,
        sha256=row.sha256,
        size=row.size,
        files=files_of(row),
    )


def _submission(row: SubmissionRow) -> Submission:
    feedback = _feedback(row.feedback[-1]) if row.feedback else None
    return Submission(receipt=_receipt(row), late_seconds=row.late_seconds, feedback=feedback)


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
