"""Signs of tampering: kept when grades are recorded, shown to instructors, decided on by a person."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hpcampus_grading import audit
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.messages import RaisedFlag, Verdict
from hpcampus_grading.own_work import refuse_own
from hpcampus_grading.refusals import Refusals
from hpcampus_grading.sandbox.report import Flag
from hpcampus_grading.tables import FlagRow, SubmissionRow


class NoSuchFlag(LookupError):
    """There is no such flag in this course, or a person has decided about it before."""


def keep(session: Session, submission: str, flags: Iterable[Flag], when: datetime) -> int:
    """Write down those that are new for a submission, in a transaction of the caller's; answers how many."""
    rows = session.execute(select(FlagRow).filter_by(submission_id=submission)).scalars()
    known = {(row.notebook, row.cell, row.kind) for row in rows}
    count = 0
    for flag in flags:
        key = (flag.notebook, flag.cell, flag.kind)
        if key not in known:
            known.add(key)
            session.add(FlagRow(submission_id=submission, raised_at=when, **flag.model_dump()))
            count += 1
    return count


class Integrity:
    """What was flagged in a course, and what people made of it."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._refusals = Refusals(database, clock)

    def raised(self, course: str, assignment: str | None = None) -> tuple[RaisedFlag, ...]:
        """All flags of a course, or of one assignment, by learner and submission; undecided ones too."""
        query = _flags(course).order_by(SubmissionRow.learner, SubmissionRow.attempt, FlagRow.number)
        if assignment is not None:
            query = query.where(SubmissionRow.assignment == assignment)
        with self._database.reading() as session:
            return tuple(_message(flag, submission) for flag, submission in session.execute(query))

    def decide(
        self,
        course: str,
        number: int,
        verdict: Verdict,
        person: str,
        reason: str,
        *,
        enrolled: bool = False,
    ) -> RaisedFlag:
        """Write down once what a person decided; the audit log has it too.

        Points are not touched: whoever dismisses a flag gives them in Formgrader. Raises `NoSuchFlag`, and
        `OwnWork` for a flag of the person's own who is `enrolled`, too.
        """
        refusals = self._refusals.of_own_work(course, person, "integrity")
        with refusals, self._database.writing() as session:
            found = session.execute(_flags(course).where(FlagRow.number == number)).one_or_none()
            if found is None or found[0].verdict is not None:
                raise NoSuchFlag(f"{course} has no undecided flag {number}.")
            flag, submission = found
            refuse_own(person, submission.learner, enrolled=enrolled)
            flag.verdict, flag.reason = verdict, reason
            flag.decided_by, flag.decided_at = person, self._clock()
            facts = {"flag": number, "verdict": verdict, "submission": submission.id, "cell": flag.cell}
            audit.append(
                session,
                flag.decided_at,
                "integrity",
                course,
                who=person,
                why=reason,
                assignment=submission.assignment,
                learner=submission.learner,
                **facts,
            )
            return _message(flag, submission)


def _flags(course: str) -> Select[FlagRow, SubmissionRow]:
    joined = select(FlagRow, SubmissionRow).join(SubmissionRow, FlagRow.submission_id == SubmissionRow.id)
    return joined.where(SubmissionRow.course == course)


def _message(flag: FlagRow, submission: SubmissionRow) -> RaisedFlag:
    return RaisedFlag(
        number=flag.number,
        learner=submission.learner,
        assignment=submission.assignment,
        submission=submission.id,
        notebook=flag.notebook,
        cell=flag.cell,
        kind=flag.kind,
        evidence=flag.evidence,
        raised_at=flag.raised_at,
        verdict=flag.verdict,
        reason=flag.reason,
        decided_by=flag.decided_by,
        decided_at=flag.decided_at,
    )
