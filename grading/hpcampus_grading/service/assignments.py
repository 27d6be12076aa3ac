"""Routes for courses and the assignments that learners fetch."""

import io

from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.responses import FileResponse
from hpcampus_courses import Assignment
from hpcampus_courses.model import Slug
from starlette.concurrency import run_in_threadpool

from hpcampus_grading.archive import pack
from hpcampus_grading.extensions import attempts_of, deadline_of
from hpcampus_grading.ledger import files_of
from hpcampus_grading.messages import AssignmentInfo, CourseInfo, Extension, Release
from hpcampus_grading.notebooks import find_leftovers
from hpcampus_grading.service.access import Exchange, Member, TheExchange, TheInstructor, TheMember, ThePerson
from hpcampus_grading.service.uploads import ZIP, ZIP_BODY, ZIP_REPLY, received
from hpcampus_grading.tables import ReleaseRow

router = APIRouter(tags=["assignments"])


@router.get("/courses")
def courses(person: ThePerson, exchange: TheExchange) -> list[CourseInfo]:
    """The courses that the caller is in."""
    found = ((course, person.role(course)) for course in exchange.catalogue.courses.values())
    members = [Member(person, course, role) for course, role in found if role]
    return [_course_info(member, exchange) for member in members]


@router.get("/courses/{course}")
def course(member: TheMember, exchange: TheExchange) -> CourseInfo:
    """One course, and the caller's part in it."""
    return _course_info(member, exchange)


@router.get("/courses/{course}/learners")
def learners(member: TheInstructor, exchange: TheExchange) -> tuple[str, ...]:
    """Who is enrolled now: the members of the course's group at the hub, by name."""
    return exchange.identity.members(member.course.roster)


@router.get("/courses/{course}/releases")
def releases(member: TheMember, exchange: TheExchange) -> list[Release]:
    """The assignments of a course that are released."""
    rows = [
        (assignment, exchange.ledger.released(member.course.slug, assignment.slug))
        for assignment in member.course.assignments
    ]
    own = _own_extensions(member, exchange)
    return [_release(member, assignment, row, own.get(assignment.slug)) for assignment, row in rows if row]


@router.get(
    "/courses/{course}/assignments/{assignment}/release", response_class=FileResponse, responses=ZIP_REPLY
)
def fetch(assignment: Slug, member: TheMember, exchange: TheExchange) -> FileResponse:
    """The released files of an assignment, as a zip."""
    row = exchange.ledger.released(member.course.slug, member.assignment(assignment).slug)
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"{assignment!r} is not released yet.")
    return FileResponse(exchange.ledger.store.path(row.sha256), media_type=ZIP)


@router.put(
    "/courses/{course}/assignments/{assignment}/release",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=ZIP_BODY,
)
async def release(
    request: Request, assignment: Slug, member: TheInstructor, exchange: TheExchange
) -> Release:
    """Release an assignment; the body is a zip. Refused while a solution or a hidden test is left in it."""
    wanted = member.assignment(assignment)
    async with received(request, exchange.ledger.store, exchange.settings.limits) as upload:
        left = await run_in_threadpool(find_leftovers, upload.file)
        if left:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, left)
        row = await run_in_threadpool(
            exchange.ledger.release, member.course.slug, wanted.slug, member.person.name, upload
        )
        return _release(member, wanted, row, None)


@router.delete("/courses/{course}/assignments/{assignment}/release", status_code=status.HTTP_204_NO_CONTENT)
def withdraw(assignment: Slug, member: TheInstructor, exchange: TheExchange) -> None:
    """Stop giving an assignment out; submissions stay."""
    exchange.ledger.withdraw(member.course.slug, member.assignment(assignment).slug, member.person.name)


@router.get("/courses/{course}/assignments/{assignment}/source", response_class=Response, responses=ZIP_REPLY)
def source(assignment: Slug, member: TheInstructor, exchange: TheExchange) -> Response:
    """The instructor's version of an assignment, solutions and hidden tests included, as a zip."""
    folder = exchange.catalogue.source(member.course.slug, member.assignment(assignment).slug)
    content = io.BytesIO()
    pack(folder, content)
    return Response(content.getvalue(), media_type=ZIP)


def _own_extensions(member: Member, exchange: Exchange) -> dict[str, Extension]:
    """The caller's own, by assignment; instructors see the course's rules."""
    if member.role == "instructor":
        return {}
    found = exchange.extensions.current([member.course.slug], learner=member.person.name)
    return {assignment: extension for (_, assignment, _), extension in found.items()}


def _course_info(member: Member, exchange: Exchange) -> CourseInfo:
    course, own = member.course, _own_extensions(member, exchange)
    return CourseInfo(
        slug=course.slug,
        title=course.title,
        role=member.role,
        enrolled=member.enrolled,
        libraries=course.libraries,
        assignments=tuple(
            _assignment_info(
                assignment,
                own.get(assignment.slug),
                released=exchange.ledger.released(course.slug, assignment.slug) is not None,
            )
            for assignment in course.assignments
        ),
    )


def _assignment_info(
    assignment: Assignment, extension: Extension | None, *, released: bool
) -> AssignmentInfo:
    deadline = deadline_of(assignment, extension)
    return AssignmentInfo(
        slug=assignment.slug,
        title=assignment.title,
        notebook=assignment.notebook,
        points=assignment.points,
        due=deadline and deadline.due,
        grace_minutes=assignment.grace_minutes,
        late=assignment.late,
        closes=deadline and deadline.closes,
        attempts=attempts_of(assignment, extension),
        extended=extension is not None,
        hidden_tests_in_feedback=assignment.hidden_tests_in_feedback,
        grade_on_submission=assignment.grade_on_submission,
        released=released,
    )


def _release(member: Member, assignment: Assignment, row: ReleaseRow, extension: Extension | None) -> Release:
    deadline = deadline_of(assignment, extension)
    return Release(
        course=member.course.slug,
        assignment=assignment.slug,
        title=assignment.title,
        points=assignment.points,
        due=deadline and deadline.due,
        released_at=row.released_at,
        sha256=row.sha256,
        size=row.size,
        files=files_of(row),
    )
