"""Routes for submissions, their receipts and their feedback."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from fastapi.responses import FileResponse
from hpcampus_courses.model import Slug
from starlette.concurrency import run_in_threadpool

from hpcampus_grading.messages import Feedback, Receipt, Submission, UserName
from hpcampus_grading.service.access import (
    TheExchange,
    TheInstructor,
    TheMember,
    ThePerson,
    TheSubmission,
)
from hpcampus_grading.service.assignments import ZIP
from hpcampus_grading.service.uploads import received

router = APIRouter(tags=["submissions"])


@router.post("/courses/{course}/assignments/{assignment}/submissions", status_code=status.HTTP_201_CREATED)
async def submit(
    request: Request, response: Response, assignment: Slug, member: TheMember, exchange: TheExchange
) -> Receipt:
    """Submit an assignment in one's own name; the body is a zip.

    Answers 201 with a receipt once the submission is on the disk. The same content as one's latest submission
    answers 200 with the receipt that was given then.
    """
    wanted = member.assignment(assignment)
    async with received(request, exchange.ledger.store, exchange.settings.limits) as upload:
        if wanted.notebook not in {entry.path for entry in upload.files}:
            raise HTTPException(
                status.HTTP_422_UNPROCESSABLE_CONTENT,
                f"There is no {wanted.notebook} in this submission, so there is nothing to grade. "
                "Keep the notebook's name as it was, and submit again.",
            )
        receipt, new = await run_in_threadpool(
            exchange.ledger.submit, member.course.slug, wanted.slug, member.person.name, upload, wanted.due
        )
    response.status_code = status.HTTP_201_CREATED if new else status.HTTP_200_OK
    return receipt


@router.get("/submissions")
def own_submissions(
    person: ThePerson,
    exchange: TheExchange,
    course: Annotated[Slug | None, Query()] = None,
    assignment: Annotated[Slug | None, Query()] = None,
) -> tuple[Submission, ...]:
    """The caller's own submissions, oldest first."""
    courses = [course] if course else list(exchange.catalogue.courses)
    return exchange.ledger.submissions(courses, assignment, person.name)


@router.get("/courses/{course}/submissions")
def course_submissions(
    member: TheInstructor,
    exchange: TheExchange,
    assignment: Annotated[Slug | None, Query()] = None,
    learner: Annotated[UserName | None, Query()] = None,
) -> tuple[Submission, ...]:
    """Everybody's submissions in a course, oldest first, for its instructors."""
    return exchange.ledger.submissions([member.course.slug], assignment, learner)


@router.get("/submissions/{submission}")
def submission(found: TheSubmission) -> Submission:
    """One submission: its receipt, and whether there is feedback."""
    return found


@router.get("/submissions/{submission}/files", response_class=FileResponse)
def files(found: TheSubmission, exchange: TheExchange) -> FileResponse:
    """The files of a submission exactly as they were received, as a zip."""
    return FileResponse(exchange.ledger.store.path(found.receipt.sha256), media_type=ZIP)


@router.put("/submissions/{submission}/feedback", status_code=status.HTTP_201_CREATED)
async def give_feedback(
    request: Request, found: TheSubmission, person: ThePerson, exchange: TheExchange
) -> Feedback:
    """Release feedback on a submission, for instructors; the body is a zip of HTML pages."""
    course = exchange.catalogue.courses.get(found.receipt.course)
    if course is None or person.role(course) != "instructor":
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Only instructors of the course may give feedback.")
    async with received(request, exchange.ledger.store, exchange.settings.limits) as upload:
        return await run_in_threadpool(exchange.ledger.give_feedback, found.receipt, person.name, upload)


@router.get("/submissions/{submission}/feedback", response_class=FileResponse)
def feedback(found: TheSubmission, person: ThePerson, exchange: TheExchange) -> FileResponse:
    """The feedback on one's own submission, as a zip; nobody else gets it."""
    if found.receipt.learner != person.name or found.feedback is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no feedback for you on this submission.")
    return FileResponse(exchange.ledger.store.path(found.feedback.sha256), media_type=ZIP)
