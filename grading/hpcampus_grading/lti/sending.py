"""Recorded grades to a learning platform: what is new or changed, one score a learner, each written down."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock

from hpcampus_courses import Assignment
from sqlalchemy import select

from hpcampus_grading import audit
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database
from hpcampus_grading.flags import undecided
from hpcampus_grading.grades import Grades
from hpcampus_grading.lti.connection import Connection
from hpcampus_grading.lti.line_items import Column, Refused, Score, find_or_make, send
from hpcampus_grading.lti.messages import NotSent, SendReport, SendWish, SentGrade
from hpcampus_grading.lti.settings import Lti, LtiCourse, LtiPlatform, NotSetUp
from hpcampus_grading.messages import RecordedGrade
from hpcampus_grading.tables import SentGradeRow

# One request sends for so long, and says how far it came.
AT_A_TIME_SECONDS = 20.0


@dataclass(frozen=True)
class _Errand:
    """Whose grades go where, and who wants it."""

    course: str
    assignment: Assignment
    instructor: str
    place: LtiCourse
    connection: Connection


@dataclass
class _Outcome:
    """What becomes of everybody, while it does."""

    sent: list[SentGrade] = field(default_factory=list)
    unchanged: int = 0
    need_person: list[str] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failed: list[NotSent] = field(default_factory=list)

    def report(self, platform: str, reached: str | None) -> SendReport:
        """As it stands now."""
        return SendReport(
            platform=platform,
            sent=tuple(self.sent),
            unchanged=self.unchanged,
            need_person=tuple(self.need_person),
            flagged=tuple(self.flagged),
            unknown=tuple(self.unknown),
            failed=tuple(self.failed),
            reached=reached,
        )


class GradeSender:
    """Sends what was recorded; one request after the other, so that nothing is made or sent twice."""

    def __init__(
        self,
        database: Database,
        lti: Lti,
        clock: Callable[[], datetime] = utc_now,
        pause: Callable[[float], None] = time.sleep,
        seconds: float = AT_A_TIME_SECONDS,
        turns: Path | None = None,
    ) -> None:
        """`turns` is a file by which several processes take turns."""
        self._database, self._lti = database, lti
        self._clock, self._pause, self._seconds = clock, pause, seconds
        self._lock, self._turns = Lock(), turns

    def platforms(self) -> tuple[LtiPlatform, ...]:
        """Where grades may go."""
        return tuple(self._lti.platforms.values())

    def send(self, course: str, assignment: Assignment, wish: SendWish, instructor: str) -> SendReport:
        """Send for a while, by learners' names; raises `NotSetUp` or `PlatformAway`.

        What was sent before either is written down, and isn't sent again.
        """
        place = self._lti.courses.get(course)
        if place is None:
            raise NotSetUp(
                f"Grades of {course} go to no learning platform yet: ask the operator to set it up."
            )
        platform = self._lti.platforms[place.platform]
        errand = _Errand(course, assignment, instructor, place, Connection(platform, self._pause))
        with self._turn():
            return self._run(errand, wish, platform.issuer)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._lock, (self._turns or Path(os.devnull)).open("ab") as file:
            if self._turns:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _run(self, errand: _Errand, wish: SendWish, issuer: str) -> SendReport:
        outcome, reached, line_item = _Outcome(), wish.after, ""
        until = time.monotonic() + self._seconds
        for grade, user in self._to_send(errand, wish, outcome):
            if line_item and time.monotonic() > until:
                return outcome.report(issuer, reached)
            line_item = line_item or _line_item(errand)
            reached = grade.learner
            if self._known(errand, grade, line_item):
                outcome.unchanged += 1
                continue
            try:
                send(errand.connection, line_item, _score(grade, user))
            except Refused as refusal:
                outcome.failed.append(NotSent(learner=grade.learner, why=str(refusal)))
                continue
            outcome.sent.append(self._note(errand, grade, line_item))
        return outcome.report(issuer, None)

    def _to_send(
        self, errand: _Errand, wish: SendWish, outcome: _Outcome
    ) -> Iterator[tuple[RecordedGrade, str]]:
        """Grades that may go, and whose they are at the platform."""
        where = (errand.course, errand.assignment.slug)
        found = Grades(self._database).latest(*where)
        # After the grades, whose flags are written with them.
        with self._database.reading() as session:
            doubtful = undecided(session, *where)
        user_ids = errand.place.user_ids()
        for learner, grade in sorted({grade.learner: grade for grade in found}.items()):
            if learner <= wish.after:
                continue
            user = learner if user_ids is None else user_ids.get(learner)
            if grade.grade.submission in doubtful:
                outcome.flagged.append(learner)
            elif grade.grade.needs_person and not wish.unfinished:
                outcome.need_person.append(learner)
            elif user is None:
                outcome.unknown.append(learner)
            else:
                yield grade, user

    def _known(self, errand: _Errand, grade: RecordedGrade, line_item: str) -> bool:
        """Whether the platform has it; it may since have got one of another submission, or other points."""
        last = select(SentGradeRow).filter_by(
            course=errand.course,
            assignment=errand.assignment.slug,
            learner=grade.learner,
            line_item=line_item,
        )
        with self._database.reading() as session:
            row = session.scalars(last.order_by(SentGradeRow.number.desc()).limit(1)).first()
        return row is not None and (row.submission_id, row.score, row.max_score, row.finished) == _what(grade)

    def _note(self, errand: _Errand, grade: RecordedGrade, line_item: str) -> SentGrade:
        submission, score, most, finished = _what(grade)
        with self._database.writing() as session:
            row = SentGradeRow(
                course=errand.course,
                assignment=errand.assignment.slug,
                learner=grade.learner,
                line_item=line_item,
                submission_id=submission,
                score=score,
                max_score=most,
                finished=finished,
                sent_by=errand.instructor,
                sent_at=self._clock(),
            )
            session.add(row)
            audit.append(
                session,
                row.sent_at,
                "send",
                errand.course,
                who=errand.instructor,
                assignment=errand.assignment.slug,
                learner=grade.learner,
                submission=submission,
                score=score,
                max_score=most,
                finished=finished,
                line_item=line_item,
            )
        return SentGrade(learner=grade.learner, score=score, max_score=most, finished=finished)


def _line_item(errand: _Errand) -> str:
    assignment = errand.assignment
    if given := errand.place.items.get(assignment.slug):
        return given
    column = Column(f"{errand.course}/{assignment.slug}", assignment.title, assignment.points, assignment.due)
    return find_or_make(errand.connection, errand.place.line_items, column)


def _score(grade: RecordedGrade, user: str) -> Score:
    _, points, most, finished = _what(grade)
    return Score(user, points, most, finished, grade.recorded_at)


def _what(grade: RecordedGrade) -> tuple[str, float, float, bool]:
    found = grade.grade
    return found.submission, found.score, found.max_score, not found.needs_person
