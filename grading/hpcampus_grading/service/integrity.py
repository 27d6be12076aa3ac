"""Routes for signs of tampering, and for what an instructor decides about them."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, status
from hpcampus_courses.model import Slug

from hpcampus_grading.integrity import NoSuchFlag
from hpcampus_grading.messages import Decision, RaisedFlag
from hpcampus_grading.service.access import TheExchange, TheInstructor

router = APIRouter(tags=["integrity"])


@router.get("/courses/{course}/flags")
def flags(
    member: TheInstructor, exchange: TheExchange, assignment: Annotated[Slug | None, Query()] = None
) -> tuple[RaisedFlag, ...]:
    """What looked like tampering when submissions were graded, with its evidence, decided or not."""
    return exchange.integrity.raised(member.course.slug, assignment)


@router.put("/courses/{course}/flags/{number}")
def decide(
    number: Annotated[int, Path(ge=1, le=2**31 - 1)],
    decision: Decision,
    member: TheInstructor,
    exchange: TheExchange,
) -> RaisedFlag:
    """Write down what you make of a flag, once; the audit log keeps it. Points are given in Formgrader."""
    try:
        return exchange.integrity.decide(
            member.course.slug,
            number,
            decision.verdict,
            member.person.name,
            decision.reason,
            enrolled=member.enrolled,
        )
    except NoSuchFlag as error:
        raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error
