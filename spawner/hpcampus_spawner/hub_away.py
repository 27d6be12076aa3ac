"""A hub that is away locks nobody out of their own notebook: what it said last counts until it is back.

JupyterHub's server asks the hub whose a token is, and believes the answer for `cache_max_age`, 5 minutes.
After that a hub that can't be asked would make every save fail.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from tornado.web import HTTPError

# Who a token belongs to, as the hub's JSON has it; None for nobody.
Ask = Callable[..., Awaitable[dict[str, Any] | None]]
UPSTREAM = 502
"""JupyterHub's own code for a hub that answered an error of its own."""


class LastAnswers:
    """Stands in for the question `ask`; only whom the hub let in before is let in while it is away."""

    def __init__(self, ask: Ask, log: Any) -> None:
        self._ask, self._log = ask, log
        self._known: dict[str, dict[str, Any]] = {}

    async def __call__(
        self, url: str, api_token: str, cache_key: str = "", use_cache: bool = True
    ) -> dict[str, Any] | None:
        """Ask; a hub that is away is answered for."""
        try:
            answer = await self._ask(url, api_token, cache_key=cache_key, use_cache=use_cache)
        except HTTPError as error:
            if cache_key not in self._known or not _away(error):
                raise
            self._log.warning("The hub can't be asked who this is: its last answer counts.")
            return self._known[cache_key]
        if answer is None:
            self._known.pop(cache_key, None)
        else:
            self._known[cache_key] = answer
        return answer


def _away(error: HTTPError) -> bool:
    """Whether the hub said nothing of the token; a refusal has the same code, but no exception behind it."""
    return error.status_code == UPSTREAM or error.__context__ is not None


def bridge(auth: Any, log: Any) -> None:
    """Have a server's `HubAuth` fall back on the last answers."""
    auth._check_hub_authorization = LastAnswers(auth._check_hub_authorization, log)
