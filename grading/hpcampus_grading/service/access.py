"""What a request may touch: the person, and their part in the course that the path names."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from hpcampus_courses import Assignment, Catalogue, Course

from hpcampus_grading.database import Database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.integrity import Integrity
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.lti.sending import GradeSender
from hpcampus_grading.messages import Identifier, Role, Submission
from hpcampus_grading.refusals import Refusals
from hpcampus_grading.service.hub_api import HubIsAway
from hpcampus_grading.service.identity import Identity, Person
from hpcampus_grading.service.settings import Settings
from hpcampus_grading.stated_extensions import StatedExtensions
from hpcampus_grading.status import Statuses


@dataclass(frozen=True)
class Exchange:
    """What the routes work with."""

    settings: Settings
    catalogue: Catalogue
    database: Database
    ledger: Ledger
    extensions: Extensions
    stated_extensions: StatedExtensions
    grades: Grades
    integrity: Integrity
    refusals: Refusals
    sender: GradeSender
    statuses: Statuses
    identity: Identity


def exchange_of(request: Request) -> Exchange:
    """The exchange that this application serves."""
    exchange = request.app.state.exchange
    assert isinstance(exchange, Exchange)
    return exchange


TheExchange = Annotated[Exchange, Depends(exchange_of)]


async def person_of(request: Request, exchange: TheExchange) -> Person:
    """Whoever the token in the Authorization header belongs to; nothing else is ever looked at."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.strip():
        raise _unauthorized(
            "There is no token: send 'Authorization: Bearer <token>' with a token of the hub."
        )
    try:
        person = await exchange.identity.person(token.strip())
    except HubIsAway as error:
        sentence = "The hub can't be asked who you are. Nothing was stored; try again in a minute."
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, sentence) from error
    if person is None:
        raise _unauthorized(
            "The hub doesn't know this token, or it may not use the exchange. Restart your server; "
            "if you work without one, make a new one at /hub/token."
        )
    return person


def _unauthorized(sentence: str) -> HTTPException:
    return HTTPException(status.HTTP_401_UNAUTHORIZED, sentence, headers={"WWW-Authenticate": "Bearer"})


ThePerson = Annotated[Person, Depends(person_of)]


@dataclass(frozen=True)
class Member:
    """A person in a course that they belong to."""

    person: Person
    course: Course
    role: Role

    @property
    def enrolled(self) -> bool:
        """Whether they learn in it; so can who teaches it."""
        return self.course.roster in self.person.groups

    def assignment(self, slug: str) -> Assignment:
        """An assignment of the course, or 404."""
        try:
            return self.course.assignment(slug)
        except LookupError as error:
            raise HTTPException(status.HTTP_404_NOT_FOUND, str(error)) from error


def member_of(request: Request, course: str, person: ThePerson, exchange: TheExchange) -> Member:
    """The person's part in the course of the path; 403 for a stranger, 404 where there is no such course."""
    found = exchange.catalogue.courses.get(course)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no course {course!r} here.")
    role = person.role(found)
    if role is None:
        sentence = f"You are not in the course {course!r}. Ask its instructors to enrol you."
        raise refused(request, person, course, sentence)
    return Member(person, found, role)


TheMember = Annotated[Member, Depends(member_of)]


def instructor_of(request: Request, member: TheMember) -> Member:
    """A member who teaches the course; 403 for its learners."""
    if member.role != "instructor":
        slug = member.course.slug
        raise refused(request, member.person, slug, f"Only instructors of {slug!r} may do this.")
    return member


def refused(request: Request, person: Person, course: str, sentence: str) -> HTTPException:
    """403 with a sentence; the audit log has it."""
    exchange = exchange_of(request)
    # The route, and not the path: a learner's name may be in that.
    route = request.scope["route"].path.removeprefix(exchange.settings.prefix.rstrip("/"))
    exchange.refusals.keep(course, person.name, f"{request.method} {route}")
    return HTTPException(status.HTTP_403_FORBIDDEN, sentence)


TheInstructor = Annotated[Member, Depends(instructor_of)]


def submission_of(submission: Identifier, person: ThePerson, exchange: TheExchange) -> Submission:
    """The submission of the path, for its owner and its instructors; for all others it isn't there."""
    found = exchange.ledger.submission(submission)
    if found is not None:
        course = exchange.catalogue.courses.get(found.receipt.course)
        if found.receipt.learner == person.name or (course and person.role(course) == "instructor"):
            return found
    raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such submission, or it is not yours.")


TheSubmission = Annotated[Submission, Depends(submission_of)]
