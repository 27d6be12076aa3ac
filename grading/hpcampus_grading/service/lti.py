"""Routes for learning platforms: an instructor sends grades there, and the platform asks for our keys."""

from typing import Any

from fastapi import APIRouter, HTTPException, status
from hpcampus_courses.model import Slug

from hpcampus_grading.lti.connection import PlatformAway
from hpcampus_grading.lti.keys import load_key, public_jwk
from hpcampus_grading.lti.messages import SendReport, SendWish
from hpcampus_grading.lti.settings import NotSetUp
from hpcampus_grading.messages import Problem
from hpcampus_grading.service.access import TheExchange, TheInstructor

router = APIRouter(tags=["grades"])


@router.post("/courses/{course}/assignments/{assignment}/grades/send", responses={424: {"model": Problem}})
def send(assignment: Slug, wish: SendWish, member: TheInstructor, exchange: TheExchange) -> SendReport:
    """Send recorded grades to the course's learning platform: what is new or changed, and finished.

    It sends for some seconds and answers how far it came; ask again with that name as `after`. Who asks twice
    sends nothing twice. The audit log keeps each score.
    """
    wanted = member.assignment(assignment)
    try:
        return exchange.sender.send(member.course.slug, wanted, wish, member.person.name)
    except NotSetUp as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error
    except PlatformAway as error:
        sentence = f"{error} What was sent so far is written down: send again later, and the rest will go."
        # Not 503, which means that the exchange itself should be asked again at once.
        raise HTTPException(status.HTTP_424_FAILED_DEPENDENCY, sentence) from error


def keys(exchange: TheExchange) -> dict[str, list[dict[str, Any]]]:
    """Our public keys (JWKS), by which learning platforms know us; nobody need log in for them."""
    try:
        found = [public_jwk(load_key(platform.key)) for platform in exchange.sender.platforms()]
    except NotSetUp as error:
        sentence = "A key can't be read: the operator finds the reason in the log."
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, sentence) from error
    return {"keys": [dict(key) for key in {key["kid"]: key for key in found}.values()]}
