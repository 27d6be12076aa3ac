"""Who is asking: the token alone says it, and the hub says whose it is."""

import logging
from dataclasses import dataclass
from typing import Protocol

from hpcampus_courses import Course
from hpcampus_courses.extension import UserName
from pydantic import BaseModel, ConfigDict, ValidationError

from hpcampus_grading.messages import Role
from hpcampus_grading.service.hub_api import HubApi
from hpcampus_grading.service.settings import Settings

log = logging.getLogger("hpcampus.exchange")

# The right to use all of the hub's services.
_ANY_SERVICE = "access:services"


@dataclass(frozen=True)
class Person:
    """A user of the hub, with the groups that the hub says they are in."""

    name: str
    groups: frozenset[str]

    def role(self, course: Course) -> Role | None:
        """What this person is in a course; None for a stranger."""
        if course.instructors in self.groups:
            return "instructor"
        return "learner" if course.roster in self.groups else None


class Identity(Protocol):
    """Finds out whose a token is, and who is in a group."""

    async def person(self, token: str) -> Person | None:
        """The person, or None for a token that may not use this service; raises `HubIsAway`."""

    def members(self, group: str) -> tuple[str, ...]:
        """The names of a group of the hub, in order; raises `HubIsAway`."""


class _HubUser(BaseModel):
    """The part of the hub's answer that matters; without groups in it nobody is in any course."""

    model_config = ConfigDict(extra="ignore")

    name: UserName
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str]


class HubIdentity:
    """Asks JupyterHub, and remembers the answer for a few seconds only."""

    def __init__(self, settings: Settings) -> None:
        own = settings.token.get_secret_value()
        self._hub = HubApi(str(settings.hub_api), own, settings.token_cache_seconds)
        self._needed = f"access:services!service={settings.service}"

    async def person(self, token: str) -> Person | None:
        """The person whose token it is, if the token carries the right to use this service."""
        try:
            answer = await self._hub.whose(token)
            if answer is None or answer.get("kind", "user") != "user":
                return None
            user = _HubUser.model_validate(answer)
        except ValidationError:
            log.warning("action=refused reason='a user name that is not safe as a folder name'")
            return None
        if user.scopes.isdisjoint((self._needed, _ANY_SERVICE)):
            log.warning("action=refused who=%s reason='the token lacks %s'", user.name, self._needed)
            return None
        return Person(user.name, user.groups)

    def members(self, group: str) -> tuple[str, ...]:
        """Ask the hub, in the service's own name; a group that nobody has made yet has no members."""
        return self._hub.members(group)
