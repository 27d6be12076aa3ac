"""Who is asking: the token alone says it, and the hub says whose it is."""

import logging
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import requests
from hpcampus_courses import Course
from jupyterhub.services.auth import HubAuth
from pydantic import BaseModel, ConfigDict, ValidationError
from tornado.web import HTTPError

from hpcampus_grading.messages import Role, UserName
from hpcampus_grading.service.settings import Settings

log = logging.getLogger("hpcampus.exchange")


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


class HubIsAway(RuntimeError):
    """The hub can't be asked now, so nobody can be let in."""


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


class _HubGroup(BaseModel):
    """The part of the hub's answer that matters."""

    model_config = ConfigDict(extra="ignore")

    users: tuple[str, ...]


class HubIdentity:
    """Asks JupyterHub, and remembers the answer for a few seconds only."""

    def __init__(self, settings: Settings) -> None:
        self._hub = HubAuth(
            api_url=str(settings.hub_api).rstrip("/"),
            api_token=settings.token.get_secret_value(),
            cache_max_age=settings.token_cache_seconds,
        )
        self._settings = settings
        self._needed = {f"access:services!service={settings.service}"}

    async def person(self, token: str) -> Person | None:
        """The person whose token it is, if the token carries the right to use this service."""
        try:
            answer: Any = await self._hub.user_for_token(token, sync=False)
        except HTTPError as error:
            raise HubIsAway(error.log_message) from error
        if not answer or answer.get("kind", "user") != "user":
            return None
        try:
            user = _HubUser.model_validate(answer)
        except ValidationError:
            log.warning("action=refused reason='a user name that is not safe as a folder name'")
            return None
        if not self._hub.check_scopes(self._needed, answer):
            log.warning("action=refused who=%s reason='the token lacks %s'", user.name, *self._needed)
            return None
        return Person(user.name, user.groups)

    def members(self, group: str) -> tuple[str, ...]:
        """Ask the hub, in the service's own name; a group that nobody has made yet has no members."""
        url = f"{str(self._settings.hub_api).rstrip('/')}/groups/{quote(group, safe='')}"
        headers = {"Authorization": f"token {self._settings.token.get_secret_value()}"}
        try:
            with requests.Session() as session:
                session.trust_env = False
                reply = session.get(url, headers=headers, timeout=10, allow_redirects=False)
            if reply.status_code == requests.codes.not_found:
                return ()
            reply.raise_for_status()
            return tuple(sorted(_HubGroup.model_validate_json(reply.content).users))
        except (requests.RequestException, ValidationError) as error:
            raise HubIsAway(str(error)) from error
