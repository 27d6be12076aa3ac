"""What a class that waits costs the scheduler and the hub: ours beside what people use instead, on one twin.

    benchmarks/run scheduler_load [SIZE ...]

Sizes are numbers of pending servers, by default 1, 100, 300 and 1000. Needs root and Slurm's packages. All
learners share one Unix account, so that nobody needs sudo. Prints a table and writes
benchmarks/results/scheduler_load.json.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import outcome
import requests
from cluster import BenchCluster, bench_cluster, say, wait_for
from hub import PYTHONS, Hub, running_hub

SIZES = (1, 100, 300, 1000)
SETTLE_SECONDS = 5.0
WATCH_SECONDS = 20.0
SUBMIT_SECONDS = 150.0
"""What isn't submitted by then is not waited for; the row then says how many are."""


def learners(count: int) -> list[str]:
    """Their names."""
    return [f"learner{number:04}" for number in range(count)]


def submit_all(hub: Hub, cluster: BenchCluster, others: int) -> int:
    """Have everybody press Start; answers how many jobs wait."""
    # Each in a browser of their own: who waits for an answer keeps nobody else from asking.
    pool = ThreadPoolExecutor(len(hub.learners))
    for learner in hub.learners:
        pool.submit(_press, hub, learner)
    goal = others + len(hub.learners)
    with suppress(TimeoutError):
        wait_for(lambda: cluster.pending() >= goal, "all are submitted", SUBMIT_SECONDS, every=1)
    pool.shutdown(wait=False, cancel_futures=True)
    return cluster.pending() - others


def _press(hub: Hub, learner: str) -> None:
    with suppress(requests.RequestException):
        hub.press_start(learner)


def watch(kind: str, size: int, cluster: BenchCluster) -> dict[str, Any]:
    """One hub with so many pending servers."""
    with running_hub(kind, cluster, learners(size)) as hub:
        empty = hub.memory_mib()
        cluster.fill()
        pending = submit_all(hub, cluster, 0)
        time.sleep(SETTLE_SECONDS)
        before, began = cluster.rpcs(), time.monotonic()
        late = hub.lag(WATCH_SECONDS)
        # The two questions of ours, sdiag's own, are not counted by it.
        rpcs = (cluster.rpcs() - before) / (time.monotonic() - began)
        return {
            "spawner": kind,
            "asked for": size,
            "pending": pending,
            "RPCs a second": rpcs,
            "lag p95 ms": outcome.percentile(late, 95),
            "lag max ms": max(late, default=float("nan")),
            "hub MiB": hub.memory_mib(),
            "KiB a server": 1024 * (hub.memory_mib() - empty) / max(1, pending),
        }


def main(sizes: list[int]) -> None:
    """Measure, print and write."""
    rows = []
    with bench_cluster() as cluster:
        for size in sizes:
            for kind in PYTHONS:
                say(f"{size} pending servers of {kind} …")
                rows.append(watch(kind, size, cluster))
                say(str(rows[-1]))
    outcome.table(rows)
    outcome.write("scheduler_load", rows, "jupyterhub", watch_seconds=WATCH_SECONDS)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or list(SIZES))
