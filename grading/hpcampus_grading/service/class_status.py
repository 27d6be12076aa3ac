"""Routes that tell instructors how far their class is."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from hpcampus_courses.model import Slug

from hpcampus_grading.class_messages import CourseStatus, LearnerStatus
from hpcampus_grading.export import learners_csv
from hpcampus_grading.service.access import Exchange, Member, TheExchange, TheInstructor
from hpcampus_grading.service.csv_reply import CSV_REPLY, csv_reply

router = APIRouter(tags=["status"])
OneAssignment = Annotated[Slug | None, Query()]


@router.get("/courses/{course}/status")
def status(member: TheInstructor, exchange: TheExchange) -> CourseStatus:
    """How far the class is with each assignment: submitted, graded, waiting for a person, late, flagged."""
    return exchange.statuses.course(member.course, exchange.identity.members(member.course.roster))


@router.get("/courses/{course}/status/learners")
def learners(
    member: TheInstructor, exchange: TheExchange, assignment: OneAssignment = None
) -> tuple[LearnerStatus, ...]:
    """Where everybody stands who is enrolled or has handed in, by assignment and name."""
    return _learners(member, exchange, assignment)


@router.get("/courses/{course}/status.csv", response_class=Response, responses=CSV_REPLY)
def as_csv(member: TheInstructor, exchange: TheExchange, assignment: OneAssignment = None) -> Response:
    """The same as CSV, safe to open in a spreadsheet; the audit log keeps who exported it."""
    rows = _learners(member, exchange, assignment)
    exchange.statuses.write_down_export(
        member.course.slug, member.person.name, len({row.learner for row in rows})
    )
    return csv_reply(f"{member.course.slug}-status", learners_csv(rows))


def _learners(member: Member, exchange: Exchange, assignment: str | None) -> tuple[LearnerStatus, ...]:
    wanted = assignment and member.assignment(assignment).slug
    return exchange.statuses.learners(member.course, exchange.identity.members(member.course.roster), wanted)
