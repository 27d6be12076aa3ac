"""What a learner reads when their server is no more: why, since when, and how to go on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from hpcampus_spawner.ledger import Ledger
from hpcampus_spawner.remaining_time import start_again
from hpcampus_spawner.words import ENDINGS

from hpcampus_hub.idle_servers import IDLE

_STOPPED = ("Your notebook isn't running", "It was stopped.")
_RESTARTED = (
    "Just a moment",
    "The hub was restarted and takes your notebook up again: nothing is lost. "
    "This page looks every few seconds.",
)
_ENDED = "Your notebook has ended"
_WHY = {
    "TIMEOUT": ("Your time was over", "The job that your notebook ran in had reached its end."),
    IDLE: ("Your notebook was stopped", "Nobody had used it for a while, and others wait for its place."),
    "COMPLETED": (_ENDED, "It was shut down, or ended by itself."),
    "FAILED": (_ENDED, "It failed. If that happens again, show this to the people who run this hub."),
    "FORGOTTEN": (_ENDED, "The scheduler no longer knows its job. Its time may have been over."),
    "stopped": _STOPPED,
    **{word: (_ENDED, ENDINGS[word]) for word in ("OUT_OF_MEMORY", "NODE_FAIL", "PREEMPTED", "CANCELLED")},
}


@dataclass(frozen=True)
class Ending:
    """How a server ended; `again` starts it with the same options and leads back to where its learner was."""

    heading: str
    sentence: str
    moment: datetime | None
    again: str
    soon: bool = False
    """The server is not at its end: a hub that has just started takes it up again."""


@dataclass(frozen=True)
class Endings:
    """Answers for the page of a server that isn't running."""

    ledger: Ledger
    hub: str = "/hub/"

    def __deepcopy__(self, memo: object) -> Self:
        """JupyterHub copies its configuration; a database connection can't be copied."""
        return self

    def of(self, user: Any, server: str, spawn_url: str) -> Ending:
        """The last end of that server; `spawn_url` is JupyterHub's, and says where its learner was going."""
        spawn = self.ledger.latest(user.name, server)
        if spawn is None:
            return Ending(*_STOPPED, None, spawn_url)
        if spawn.ended is None:
            return Ending(*_RESTARTED, None, spawn_url, soon=True)
        reason = spawn.reason or "unknown"
        heading, sentence = _WHY.get(reason, (_ENDED, f"The reason: {reason.rstrip('.')}."))
        again = start_again(self.hub, user.name, server, spawn.options)
        wanted = parse_qs(urlsplit(spawn_url).query).get("next", [])
        place = "&" + urlencode({"next": wanted[0]}) if wanted else ""
        return Ending(heading, sentence, spawn.ended, again + place)
