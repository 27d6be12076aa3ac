"""Routes for instructors who give a learner more time or more attempts."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, status
from hpcampus_courses.extension import ExtensionWish, Reason, UserName
from hpcampus_courses.model import Slug

from hpcampus_grading.extensions import BadExtension
from hpcampus_grading.messages import Extension
from hpcampus_grading.service.access import TheExchange, TheInstructor

router = APIRouter(tags=["extensions"])
_OF_ONE = "/courses/{course}/assignments/{assignment}/extensions/{learner}"


@router.get("/courses/{course}/assignments/{assignment}/extensions")
def extensions(assignment: Slug, member: TheInstructor, exchange: TheExchange) -> tuple[Extension, ...]:
    """Who has an extension now, by name."""
    return exchange.extensions.of_assignment(member.course.slug, member.assignment(assignment).slug)


@router.put(_OF_ONE)
def extend(
    assignment: Slug,
    learner: UserName,
    wish: ExtensionWish,
    member: TheInstructor,
    exchange: TheExchange,
) -> Extension:
    """Give a learner more time, more attempts, or both; replaces what they had. The audit log keeps it."""
    wanted = member.assignment(assignment)
    try:
        return exchange.extensions.grant(
            member.course.slug, wanted, learner, wish, member.person.name, enrolled=member.enrolled
        )
    except BadExtension as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error


@router.delete(_OF_ONE, status_code=status.HTTP_204_NO_CONTENT)
def take_back(
    assignment: Slug,
    learner: UserName,
    member: TheInstructor,
    exchange: TheExchange,
    reason: Annotated[Reason, Query()],
) -> None:
    """Let the course's own rules hold for the learner again."""
    exchange.extensions.take_back(
        member.course.slug, member.assignment(assignment).slug, learner, reason, member.person.name
    )
