"""Routes for courses and the assignments that learners fetch."""

import io

from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.responses import FileResponse
from hpcampus_courses import Assignment
from hpcampus_courses.model import Slug
from starlette.concurrency import run_in_threadpool

from hpcampus_grading.archive import pack
from hpcampus_grading.ledger import files_of
from hpcampus_grading.messages import AssignmentInfo, CourseInfo, Release
from hpcampus_grading.notebooks import find_leftovers
from hpcampus_grading.service.access import Exchange, Member, TheExchange, TheInstructor, TheMember, ThePerson
from hpcampus_grading.service.uploads import received
from hpcampus_grading.tables import ReleaseRow

router = APIRouter(tags=["assignments"])
ZIP = "application/zip"


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


@router.get("/courses/{course}/releases")
def releases(member: TheMember, exchange: TheExchange) -> list[Release]:
    """The assignments of a course that are released."""
    rows = [
        (assignment, exchange.ledger.released(member.course.slug, assignment.slug))
        for assignment in member.course.assignments
    ]
    return [_release(member, assignment, row) for assignment, row in rows if row]


@router.get("/courses/{course}/assignments/{assignment}/release", response_class=FileResponse)
def fetch(assignment: Slug, member: TheMember, exchange: TheExchange) -> FileResponse:
    """The released files of an assignment, as a zip."""
    row = exchange.ledger.released(member.course.slug, member.assignment(assignment).slug)
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"{assignment!r} is not released yet.")
    return FileResponse(exchange.ledger.store.path(row.sha256), media_type=ZIP)


@router.put("/courses/{course}/assignments/{assignment}/release", status_code=status.HTTP_201_CREATED)
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
        return _release(member, wanted, row)


@router.delete("/courses/{course}/assignments/{assignment}/release", status_code=status.HTTP_204_NO_CONTENT)
def withdraw(assignment: Slug, member: TheInstructor, exchange: TheExchange) -> None:
    """Stop giving an assignment out; submissions stay."""
    exchange.ledger.withdraw(member.course.slug, member.assignment(assignment).slug, member.person.name)


@router.get("/courses/{course}/assignments/{assignment}/source", response_class=Response)
def source(assignment: Slug, member: TheInstructor, exchange: TheExchange) -> Response:
    """The instructor's version of an assignment, solutions and hidden tests included, as a zip."""
    folder = exchange.catalogue.source(member.course.slug, member.assignment(assignment).slug)
    content = io.BytesIO()
    pack(folder, content)
    return Response(content.getvalue(), media_type=ZIP)


def _course_info(member: Member, exchange: Exchange) -> CourseInfo:
    course = member.course
    return CourseInfo(
        slug=course.slug,
        title=course.title,
        role=member.role,
        libraries=course.libraries,
        assignments=tuple(
            AssignmentInfo(
                slug=assignment.slug,
                title=assignment.title,
                notebook=assignment.notebook,
                points=assignment.points,
                due=assignment.due,
                released=exchange.ledger.released(course.slug, assignment.slug) is not None,
            )
            for assignment in course.assignments
        ),
    )


def _release(member: Member, assignment: Assignment, row: ReleaseRow) -> Release:
    return Release(
        course=member.course.slug,
        assignment=assignment.slug,
        title=assignment.title,
        points=assignment.points,
        due=assignment.due,
        released_at=row.released_at,
        sha256=row.sha256,
        size=row.size,
        files=files_of(row),
    )
