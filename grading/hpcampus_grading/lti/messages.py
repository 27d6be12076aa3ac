"""What an instructor asks for when grades are to be sent, and what became of it."""

from typing import Annotated

from hpcampus_courses.extension import UserName
from hpcampus_spawner.models import Model
from pydantic import Field, StringConstraints


class SendWish(Model):
    """`unfinished`: also grades that a person has still to complete; `after`: only learners after this."""

    unfinished: bool = False
    after: Annotated[str, StringConstraints(max_length=128)] = ""


class SentGrade(Model):
    """A score that the platform has taken."""

    learner: UserName
    score: float = Field(ge=0)
    max_score: float = Field(ge=0)
    finished: bool


class NotSent(Model):
    """A score that the platform didn't take, and why."""

    learner: UserName
    why: str


class SendReport(Model):
    """What happened to everybody up to and with `reached`; None when that was all.

    `need_person` have a grade that a person has still to complete, `flagged` a sign of tampering that nobody
    has decided on, `unknown` no id at the platform.
    """

    platform: str
    sent: tuple[SentGrade, ...] = ()
    unchanged: int = 0
    need_person: tuple[UserName, ...] = ()
    flagged: tuple[UserName, ...] = ()
    unknown: tuple[UserName, ...] = ()
    failed: tuple[NotSent, ...] = ()
    reached: str | None = None
