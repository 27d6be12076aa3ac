"""What happened to a job from its submission on, as its learner reads it.

It is kept in memory and written behind the scenes: losing its last second in a crash costs nobody anything,
so nobody waits for a disk.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from hpcampus_spawner.ledger import Event, Ledger

if TYPE_CHECKING:
    from hpcampus_spawner.cluster import Cluster

LONGEST = 50
"""So many events of a spawn are kept: the first, and the latest."""
MOVED = timedelta(minutes=5)
"""An estimated start is news when it moved by this much; small moves are all the time."""
WRITE_SECONDS = 1.0
"""What happens within this time is written together: one write for a class that starts, not hundreds."""
ESTIMATE = "The scheduler's estimate of the start:"

log = logging.getLogger("hpcampus.history")


@dataclass
class History:
    """The events of one spawn, the oldest first; what was said before is no event."""

    spawn_id: str
    unwritten: "Unwritten"
    events: list[Event] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    """The same for pages. Never changed, only replaced: every open page looks at it every few seconds."""
    _said: str = ""
    _estimate: datetime | None = None

    def recall(self, events: Iterable[Event]) -> None:
        """Go on from what an earlier life of the hub noted."""
        self.events = list(events)
        self.shown = [shown(event) for event in self.events]
        for event in self.events:
            if event.moment is None:
                self._said = event.text
            else:
                self._estimate = event.moment

    def note(self, text: str, moment: datetime | None = None) -> None:
        """Something happened just now."""
        number = self.events[-1].number + 1 if self.events else 1
        event = Event(self.spawn_id, number, datetime.now(UTC), text, moment)
        self.events = [*self.events[:1], *self.events[1:][-(LONGEST - 2) :], event]
        self.shown = [shown(event) for event in self.events]
        self.unwritten.add(event)

    def state(self, sentence: str, starts: datetime | None) -> None:
        """Where the job stands now, as often as anybody looks; only what is new becomes an event."""
        if sentence != self._said:
            self._said = sentence
            self.note(sentence)
        if starts is not None and (self._estimate is None or abs(starts - self._estimate) >= MOVED):
            self._estimate = starts
            self.note(ESTIMATE, starts)


@dataclass
class Unwritten:
    """The events of one cluster that the database doesn't have yet."""

    ledger: Ledger
    events: list[Event] = field(default_factory=list)
    _any: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, event: Event) -> None:
        """To be written soon."""
        self.events.append(event)
        self._any.set()

    async def run(self) -> None:
        """Write for ever. A database that fails costs events, and nothing else."""
        while True:
            await self._any.wait()
            self._any.clear()
            batch = self.events.copy()
            try:
                # In a thread: while it waits for the disk, the hub must answer.
                await asyncio.to_thread(self.ledger.write_events, batch, LONGEST)
            except SQLAlchemyError:
                log.exception("%d events of jobs could not be written", len(batch))
            del self.events[: len(batch)]
            await asyncio.sleep(WRITE_SECONDS)


def shown(event: Event) -> dict[str, Any]:
    """One event for pages: times in ISO 8601."""
    return {
        "at": event.at.isoformat(),
        "text": event.text,
        "moment": event.moment.isoformat() if event.moment else None,
    }


def latest_history(clusters: Mapping[str, "Cluster"], learner: str, server: str) -> list[dict[str, Any]]:
    """What happened to the last job of that server, whether it lives or has ended."""
    for cluster in clusters.values():
        spawn = cluster.ledger.latest(learner, server)
        if spawn is not None and spawn.site == cluster.site.id:
            waiting = (event for event in cluster.unwritten.events if event.spawn_id == spawn.spawn_id)
            known = {event.number: event for event in (*cluster.ledger.events(spawn.spawn_id), *waiting)}
            return [shown(known[number]) for number in sorted(known)]
    return []
