"""Asks the hub, and remembers for a few seconds whose a token is.

JupyterHub's own `HubAuth` does the same, and more that isn't needed here: it is a third of what has to be
loaded before the exchange can answer anybody, and learners wait for that when it was killed.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import anyio
import anyio.to_thread
import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

_TIMEOUT_SECONDS = 10
# A hub that hangs keeps so many threads busy, and none of those that do other work.
_AT_ONCE = 40
_MOST_KEPT = 10_000
_ANSWER = TypeAdapter(dict[str, Any])


class HubIsAway(RuntimeError):
    """The hub can't be asked now, so nobody can be let in."""


class _Group(BaseModel):
    """The part of the hub's answer that matters."""

    model_config = ConfigDict(extra="ignore")

    users: tuple[str, ...]


class HubApi:
    """The hub's API at a URL; `token` is the service's own."""

    def __init__(
        self, url: str, token: str, keep_seconds: float, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._url, self._token, self._keep_seconds = url.rstrip("/"), token, keep_seconds
        # As JupyterHub tells its services where it speaks TLS within.
        pair = environment.get("JUPYTERHUB_SSL_CERTFILE"), environment.get("JUPYTERHUB_SSL_KEYFILE")
        self._certificate = (pair[0], pair[1]) if pair[0] and pair[1] else None
        self._authorities: str | bool = environment.get("JUPYTERHUB_SSL_CLIENT_CA") or True
        self._known: dict[bytes, tuple[float, dict[str, Any]]] = {}
        self._turns = anyio.CapacityLimiter(_AT_ONCE)

    async def whose(self, token: str) -> dict[str, Any] | None:
        """What the hub says of a token's owner; None where it knows none. Raises `HubIsAway`."""
        key = hashlib.sha256(token.encode()).digest()
        until, answer = self._known.get(key, (0.0, {}))
        if time.monotonic() < until:
            return answer
        reply = await anyio.to_thread.run_sync(self._get, "user", token, limiter=self._turns)
        if reply.status_code == requests.codes.forbidden:
            return None
        try:
            answer = _ANSWER.validate_json(_content(reply))
        except ValidationError as error:
            raise HubIsAway("the hub's answer makes no sense") from error
        self._keep(key, answer)
        return answer

    def members(self, group: str) -> tuple[str, ...]:
        """Who is in a group, in order; one that nobody has made yet has no members. Raises `HubIsAway`."""
        reply = self._get(f"groups/{quote(group, safe='')}", self._token)
        if reply.status_code == requests.codes.not_found:
            return ()
        try:
            return tuple(sorted(_Group.model_validate_json(_content(reply)).users))
        except ValidationError as error:
            raise HubIsAway("the hub's answer makes no sense") from error

    def _keep(self, key: bytes, answer: dict[str, Any]) -> None:
        now = time.monotonic()
        if len(self._known) >= _MOST_KEPT:
            self._known = {key: kept for key, kept in self._known.items() if now < kept[0]}
        self._known[key] = now + self._keep_seconds, answer

    def _get(self, path: str, token: str) -> requests.Response:
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.get(
                    f"{self._url}/{path}",
                    headers={"Authorization": f"token {token}"},
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                    cert=self._certificate,
                    verify=self._authorities,
                )
        except (requests.RequestException, OSError) as error:
            # Not the error's own words: they may quote what was sent.
            raise HubIsAway(f"the hub can't be reached ({type(error).__name__})") from error


def _content(reply: requests.Response) -> bytes:
    """Its body, if it is an answer at all."""
    if reply.status_code != requests.codes.ok:
        raise HubIsAway(f"the hub answered with status {reply.status_code}")
    return reply.content
