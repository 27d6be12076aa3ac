"""What monitoring reads of starts, schedulers and servers, at the hub's own endpoint for Prometheus.

Labels hold the ids of sites and words that stand in our own code or in a scheduler's manual: never somebody's
name, nor anything that somebody typed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from prometheus_client import Counter, Histogram

SUBMISSIONS = Counter(
    "campus_submissions_total",
    "Jobs handed to a scheduler: accepted, found (the answer got lost, the job didn't), refused, unanswered.",
    ["site", "result"],
)
START = Histogram(
    "campus_start_seconds",
    "Starts that succeeded, by phase: submit (until the scheduler has the job), queue (until the job runs), "
    "report (until it has reported its port), ready (until the port answers).",
    ["site", "phase"],
    # From half a second to three days.
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 10800, 21600, 43200, 86400, 259200),
)
FAILED_STARTS = Counter(
    "campus_failed_starts_total",
    "Starts that were refused or failed, by reason; without a site where none was chosen yet.",
    ["site", "reason"],
)
ENDED_SERVERS = Counter(
    "campus_ended_servers_total",
    "Servers that ended: the scheduler's word for their job, or stopped, or IDLE.",
    ["site", "reason"],
)
COMMANDS = Histogram(
    "campus_command_seconds",
    "Commands that the hub ran for a site: questions to its scheduler, and orders carried out as a learner; "
    "ok, failed (it said no) or no-answer.",
    ["site", "command", "result"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)

_PHASES = ("submit", "queue", "report", "ready")


def count_start(site: str, *moments: datetime | None) -> None:
    """Count the phases between five moments: asked for, submitted, dispatched, reported, ready.

    A phase of which an end isn't known isn't counted. Where a cluster's clock isn't the hub's, its moment of
    dispatch shifts time between queue and report; no phase counts as less than nothing.
    """
    for phase, (begin, end) in zip(_PHASES, pairwise(moments), strict=True):
        if begin is not None and end is not None:
            START.labels(site, phase).observe(max(0.0, (end - begin).total_seconds()))


@dataclass
class Outcome:
    """What came of a command; whoever runs it says so when there is an answer."""

    result: str = "no-answer"

    def ended(self, code: object) -> None:
        """It answered, with that exit code."""
        self.result = "failed" if code else "ok"


@contextmanager
def command(site: str, name: str) -> Iterator[Outcome]:
    """Time a command that the block runs."""
    outcome, began = Outcome(), time.monotonic()
    try:
        yield outcome
    finally:
        COMMANDS.labels(site, name, outcome.result).observe(time.monotonic() - began)
