"""A class of 300 presses Start within ten seconds: does everybody get a place, and does the hub stay quick?

    benchmarks/run class_start [LEARNERS]

Each learner presses Start and then keeps the page's stream of events open, while somebody else opens the
hub's pages twice a second. The cluster is full, so all jobs wait. Needs root and Slurm's packages. Prints a
table and writes benchmarks/results/class_start.json.
"""

import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import outcome
import requests
from cluster import bench_cluster, say, wait_for
from hub import Hub, running_hub
from scheduler_load import learners

WITHIN_SECONDS = 10.0
LIMIT_SECONDS = 180.0


@dataclass
class Seen:
    """What the class and the visitor saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    press_seconds: list[float] = field(default_factory=list)
    page_seconds: list[float] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    """Sentences on the place among those who are still to be submitted."""
    over: threading.Event = field(default_factory=threading.Event)


def learner(hub: Hub, name: str, when: float, seen: Seen) -> None:
    """Press Start at that moment, then look at the page until everything is over."""
    time.sleep(max(0.0, when - time.monotonic()))
    began = time.monotonic()
    answer = hub.press_start(name)
    seen.statuses[answer.status_code] += 1
    seen.press_seconds.append(time.monotonic() - began)
    if answer.ok:
        threading.Thread(target=look_at_the_page, args=(hub, name, seen), daemon=True).start()


def look_at_the_page(hub: Hub, name: str, seen: Seen) -> None:
    """Read the stream of events, as the page does."""
    try:
        with hub.api("GET", f"users/{name}/servers/{hub.server}/progress", name, stream=True) as stream:
            for line in stream.iter_lines():
                if b"to be handed to the scheduler" in line:
                    seen.places.append(name)
                if seen.over.is_set():
                    return
    except requests.RequestException:
        # The hub is stopped while the stream is open.
        return


def visitor(hub: Hub, seen: Seen) -> None:
    """Open a page again and again."""
    while not seen.over.wait(0.5):
        began = time.monotonic()
        requests.get(f"{hub.url}/hub/login", timeout=120)
        hub.api("GET", f"users/{hub.learners[0]}", hub.learners[0])
        seen.page_seconds.append((time.monotonic() - began) / 2)


def main(count: int) -> None:
    """Measure, print and write."""
    seen = Seen()
    with bench_cluster() as cluster, running_hub("hpcampus", cluster, learners(count)) as hub:
        hub.give_tokens()
        cluster.fill()
        empty = hub.memory_mib()
        say(f"{count} learners press Start within {WITHIN_SECONDS:g} s …")
        hub.lag(0.1)
        began, used = time.monotonic(), hub.cpu_seconds()
        guest = threading.Thread(target=visitor, args=(hub, seen))
        guest.start()
        with ThreadPoolExecutor(count) as pool:
            for number, name in enumerate(hub.learners):
                pool.submit(learner, hub, name, began + WITHIN_SECONDS * number / count, seen)
        wait_for(lambda: cluster.pending() >= count, "all are submitted", LIMIT_SECONDS, every=0.5)
        submitted = time.monotonic() - began
        used = hub.cpu_seconds() - used
        seen.over.set()
        guest.join()
        row: dict[str, Any] = {
            "learners": count,
            "answers": dict(seen.statuses),
            "all submitted s": submitted,
            "page p95 ms": 1000 * outcome.percentile(seen.page_seconds, 95),
            "page median ms": 1000 * statistics.median(seen.page_seconds),
            "Start answered p95 s": outcome.percentile(seen.press_seconds, 95),
            "were told their place": len(set(seen.places)),
            "hub CPU ms a learner": 1000 * used / count,
            "KiB a server": 1024 * (hub.memory_mib() - empty) / count,
        }
        say("Stopping …")
    outcome.table([row])
    outcome.write("class_start", [row], "jupyterhub", within_seconds=WITHIN_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
