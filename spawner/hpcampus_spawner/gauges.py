"""How the clusters of a hub stand at the moment when monitoring asks. The schedulers aren't asked for it."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.scheduler import JobState

SUBMITTING, UNKNOWN = "submitting", "unknown"
STATES = (SUBMITTING, UNKNOWN, *(state.value for state in JobState))
_WAITING = (SUBMITTING, JobState.PENDING.value)


class ClusterGauges(Collector):
    """Collects them anew each time; one query of the ledger a site."""

    def __init__(self, clusters: Collection[Cluster]) -> None:
        self._clusters = clusters

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask the ledger."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """Those of all sites."""
        jobs = GaugeMetricFamily(
            "campus_jobs",
            "Servers that somebody wants, by the state of their jobs; unknown: the scheduler hasn't said.",
            labels=["site", "state"],
        )
        wait = _by_site("campus_longest_wait_seconds", "How long the longest of the present waits lasts.")
        turns = _by_site("campus_submissions_waiting", "Jobs that wait for their turn to be submitted.")
        age = _by_site(
            "campus_scheduler_answer_age_seconds",
            "How long ago the scheduler was asked the question that it answered last.",
        )
        for cluster in self._clusters:
            site, now = cluster.site.id, datetime.now(UTC)
            live = [(_state(cluster, spawn), spawn) for spawn in cluster.ledger.all_live(site)]
            counts = Counter(state for state, _ in live)
            for state in STATES:
                jobs.add_metric([site, state], counts[state])
            waits = [(now - spawn.created).total_seconds() for state, spawn in live if state in _WAITING]
            wait.add_metric([site], max(waits, default=0.0))
            turns.add_metric([site], len(cluster.submissions))
            age.add_metric([site], cluster.watcher.age())
        yield from (jobs, wait, turns, age)


def _by_site(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=["site"])


def _state(cluster: Cluster, spawn: Spawn) -> str:
    if not spawn.job_id:
        return SUBMITTING
    status = cluster.watcher.status(spawn.job_id, since=0.0)
    return status.state.value if status else UNKNOWN
