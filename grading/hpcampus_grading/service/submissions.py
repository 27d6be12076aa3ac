"""Routes for submissions, their receipts and their feedback."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response, status
from fastapi.responses import FileResponse
from hpcampus_courses.extension import UserName
from hpcampus_courses.model import Slug
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from hpcampus_grading.ledger import Request as SentWith
from hpcampus_grading.messages import Feedback, Key, Receipt, Submission
from hpcampus_grading.service.access import (
    TheExchange,
    TheInstructor,
    TheMember,
    ThePerson,
    TheSubmission,
    refused,
)
from hpcampus_grading.service.standing import by_todays_rules
from hpcampus_grading.service.uploads import ZIP, ZIP_BODY, ZIP_REPLY, received

router = APIRouter(tags=["submissions"])


@router.post(
    "/courses/{course}/assignments/{assignment}/submissions",
    status_code=status.HTTP_201_CREATED,
    openapi_extra=ZIP_BODY,
)
async def submit(  # noqa: PLR0913, PLR0917 (FastAPI's way to say what a request holds)
    request: Request,
    response: Response,
    assignment: Slug,
    member: TheMember,
    exchange: TheExchange,
    idempotency_key: Annotated[Key | None, Header()] = None,
    sent_at: Annotated[AwareDatetime | None, Header()] = None,
) -> Receipt:
    """Submit an assignment in one's own name; the body is a zip.

    Answers 201 with a receipt once the submission is on the disk. The same Idempotency-Key, and the same
    content as one's latest submission, answer 200 with the receipt that was given then. `Sent-At` is the
    sender's clock: it is written down and decides nothing.
    """
    wanted, name = member.assignment(assignment), member.person.name
    came_with = SentWith(idempotency_key, sent_at)
    # Before a byte is read: who is too late learns it at once.
    await run_in_threadpool(exchange.ledger.admit, member.course.slug, wanted, name, came_with)
    limits = exchange.settings.limits.narrowed(wanted.accepts)
    async with received(request, exchange.ledger.store, limits) as upload:
        if wanted.notebook not in {entry.path for entry in upload.files}:
            raise HTTPException(
                status.HTTP_422_UNPROCESSABLE_CONTENT,
                f"There is no {wanted.notebook} in this submission, so there is nothing to grade. "
                "Keep the notebook's name as it was, and submit again.",
            )
        receipt, new = await run_in_threadpool(
            exchange.ledger.submit, member.course.slug, wanted, name, upload, came_with
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
    return by_todays_rules(exchange, exchange.ledger.submissions(courses, assignment, person.name))


@router.get("/courses/{course}/submissions")
def course_submissions(
    member: TheInstructor,
    exchange: TheExchange,
    assignment: Annotated[Slug | None, Query()] = None,
    learner: Annotated[UserName | None, Query()] = None,
) -> tuple[Submission, ...]:
    """Everybody's submissions in a course, oldest first, for its instructors."""
    found = exchange.ledger.submissions([member.course.slug], assignment, learner)
    return by_todays_rules(exchange, found)


@router.get("/submissions/{submission}")
def submission(found: TheSubmission, exchange: TheExchange) -> Submission:
    """One submission: its receipt, and whether there is feedback."""
    return by_todays_rules(exchange, [found])[0]


@router.get("/submissions/{submission}/files", response_class=FileResponse, responses=ZIP_REPLY)
def files(found: TheSubmission, exchange: TheExchange) -> FileResponse:
    """The files of a submission exactly as they were received, as a zip."""
    return FileResponse(exchange.ledger.store.path(found.receipt.sha256), media_type=ZIP)


@router.put("/submissions/{submission}/feedback", status_code=status.HTTP_201_CREATED, openapi_extra=ZIP_BODY)
async def give_feedback(
    request: Request, found: TheSubmission, person: ThePerson, exchange: TheExchange
) -> Feedback:
    """Release feedback on a submission, for instructors; the body is a zip of HTML pages."""
    course = exchange.catalogue.courses.get(found.receipt.course)
    if course is None or person.role(course) != "instructor":
        sentence = "Only instructors of the course may give feedback."
        raise await run_in_threadpool(refused, request, person, found.receipt.course, sentence)
    async with received(request, exchange.ledger.store, exchange.settings.limits) as upload:
        return await run_in_threadpool(exchange.ledger.give_feedback, found.receipt, person.name, upload)


@router.get("/submissions/{submission}/feedback", response_class=FileResponse, responses=ZIP_REPLY)
def feedback(found: TheSubmission, person: ThePerson, exchange: TheExchange) -> FileResponse:
    """The feedback on one's own submission, as a zip; nobody else gets it."""
    if found.receipt.learner != person.name or found.feedback is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no feedback for you on this submission.")
    return FileResponse(exchange.ledger.store.path(found.feedback.sha256), media_type=ZIP)
