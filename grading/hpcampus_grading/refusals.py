"""What people tried that isn't theirs to do: a line of the audit log each."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from hpcampus_grading import audit
from hpcampus_grading.clock import utc_now
from hpcampus_grading.database import Database, DatabaseGone
from hpcampus_grading.own_work import OwnWork

log = logging.getLogger("hpcampus.exchange")

_SAME = timedelta(hours=1)


class Refusals:
    """Writes them down; a process does so once an hour for the same, so that nobody fills the log."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._kept: dict[tuple[str, str, str], datetime] = {}

    def keep(self, course: str, who: str, what: str) -> None:
        """Somebody tried something in a course; raises nothing, because what is refused stays refused."""
        log.warning("action=refused who=%s course=%s what=%r", who, course, what)
        now = self._clock()
        self._kept = {key: then for key, then in self._kept.items() if now - then < _SAME}
        if (course, who, what) in self._kept:
            return
        try:
            with self._database.writing() as session:
                audit.append(session, now, audit.REFUSED, course, who=who, what=what)
        except (DBAPIError, DatabaseGone):
            log.exception("action=database a refusal is only in this log")
        else:
            self._kept[course, who, what] = now

    @contextmanager
    def of_own_work(self, course: str, who: str, what: str) -> Iterator[None]:
        """Keep one where the block raises `OwnWork`, which goes on."""
        try:
            yield
        except OwnWork:
            self.keep(course, who, f"{what} on their own work")
            raise
