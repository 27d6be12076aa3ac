"""Routes for grades, their export, and the audit log; all of them for instructors."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response, status
from hpcampus_courses.model import Slug

from hpcampus_grading.audit import entries
from hpcampus_grading.export import grades_csv
from hpcampus_grading.grades import NoSuchSubmission
from hpcampus_grading.messages import GradeChange, Grades, LogEntry, RecordedGrade
from hpcampus_grading.service.access import TheExchange, TheInstructor
from hpcampus_grading.service.csv_reply import CSV_REPLY, csv_reply

router = APIRouter(tags=["grades"])


@router.put("/courses/{course}/assignments/{assignment}/grades")
def record(
    assignment: Slug, grades: Grades, member: TheInstructor, exchange: TheExchange
) -> tuple[GradeChange, ...]:
    """Record grades, all or none; answers those that are new or changed. The audit log keeps each change."""
    wanted = member.assignment(assignment)
    try:
        return exchange.grades.record(
            member.course.slug,
            wanted.slug,
            grades.grades,
            member.person.name,
            grades.reason,
            enrolled=member.enrolled,
        )
    except NoSuchSubmission as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error


@router.get("/courses/{course}/grades")
def recorded(
    member: TheInstructor, exchange: TheExchange, assignment: Annotated[Slug | None, Query()] = None
) -> tuple[RecordedGrade, ...]:
    """The latest grade of each submission that has one."""
    return exchange.grades.latest(member.course.slug, assignment)


@router.get("/courses/{course}/grades.csv", response_class=Response, responses=CSV_REPLY)
def export(member: TheInstructor, exchange: TheExchange) -> Response:
    """The grade of each learner's latest graded submission, safe to open in a spreadsheet.

    That it was exported, and by whom, is in the audit log.
    """
    course = member.course.slug
    grades = exchange.grades.exported(course, member.person.name)
    return csv_reply(course, grades_csv(grades))


@router.get("/courses/{course}/audit")
def log(
    member: TheInstructor,
    exchange: TheExchange,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> tuple[LogEntry, ...]:
    """Lines of the audit log that are about this course, oldest first, `limit` after line `after`."""
    with exchange.database.reading() as session:
        found = entries(session, member.course.slug, after, limit)
        return tuple(
            LogEntry(number=e.number, at=e.at, action=e.action, facts=e.facts, hash=e.hash) for e in found
        )
