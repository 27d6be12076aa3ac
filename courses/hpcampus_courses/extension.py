"""More time or more attempts for one learner, as somebody states it."""

from typing import Annotated

from hpcampus_spawner.models import Model
from pydantic import Field, StringConstraints

from hpcampus_courses.deadline import DueDate

# A hub user name that is safe as a folder's name wherever submissions are collected.
UserName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class ExtensionWish(Model):
    """A later `due`, so many `attempts` more, or both; the reason is kept."""

    due: DueDate | None = None
    attempts: int = Field(default=0, ge=0, le=1000)
    reason: Reason


class StatedExtension(ExtensionWish):
    """One that `course.yaml` states."""

    learner: UserName
