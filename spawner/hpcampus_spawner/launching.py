"""The hub's side of the launcher: one checked order at a time, carried out as the learner."""

import json
from typing import Any

from hpcampus_spawner import metrics
from hpcampus_spawner.calls import NoAnswer
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.ways import Way


class LauncherError(Exception):
    """The launcher didn't answer; for the operator's log."""


class NotAllowed(LauncherError):
    """Nothing was done, because this learner may not run notebooks there; a sentence for them."""


class Launcher:
    """Gives orders to `hpcampus_spawner.launcher`, which runs as the learner in one way or another.

    Monitoring counts them under the id of the site.
    """

    def __init__(self, way: Way, site: str = "") -> None:
        self._way, self._site = way, site

    def check(self, learner: str) -> None:
        """Raise `Refused` for a name that may not run notebooks, as far as the hub can know."""
        self._way.check(learner)

    async def order(self, learner: str, verb: str, **fields: Any) -> dict[str, Any]:
        """Have one order carried out and return the answer; raises `LauncherError`."""
        with metrics.command(self._site, verb) as outcome:
            answer = await self._have_done(learner, verb, json.dumps({"verb": verb, **fields}).encode())
            outcome.ended(answer.get("code"))
        return answer

    async def _have_done(self, learner: str, verb: str, order: bytes) -> dict[str, Any]:
        try:
            answer = await self._way.hand_over(learner, order)
        except Refused as refused:
            raise NotAllowed(refused.sentence) from refused
        except NoAnswer as problem:
            raise LauncherError(f"the launcher, asked for {verb}: {problem}") from None
        return _read(verb, answer.out, answer.complaint)


def _read(verb: str, out: bytes, complaint: str) -> dict[str, Any]:
    try:
        answer = json.loads(out)
    except (ValueError, RecursionError):
        raise LauncherError(f"no answer to {verb}: {complaint}") from None
    if not isinstance(answer, dict):
        raise LauncherError(f"no object in answer to {verb}")
    if "not_allowed" in answer:
        raise NotAllowed(str(answer["not_allowed"]))
    if "refused" in answer:
        raise LauncherError(f"the launcher refused {verb}: {answer['refused']}")
    return answer
