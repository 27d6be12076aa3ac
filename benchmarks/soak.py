"""Does the hub's memory stay flat while a class waits for an hour? It asks the scheduler ten times as often.

    benchmarks/run soak [MINUTES]

A hundred learners wait with their pages open, and every two seconds one of them gives up and starts again. So
six minutes, the default, have the questions, answers and events of an hour, and 180 new starts. Needs root
and Slurm's packages. Prints a table and writes benchmarks/results/soak.json.
"""

import sys
import threading
import time
from itertools import cycle
from typing import Any

import outcome
import requests
from cluster import bench_cluster, say, wait_for
from hub import Hub, running_hub
from scheduler_load import learners, submit_all

LEARNERS = 100
HASTE = 10
CHANGE_SECONDS = 2.0
ROWS = 12


def keep_page_open(hub: Hub, name: str, over: threading.Event) -> None:
    """Read the stream of events for as long as the soak lasts; a new start has a new stream."""
    while not over.is_set():
        try:
            where = f"users/{name}/servers/{hub.server}/progress"
            with hub.api("GET", where, stream=True, timeout=30) as stream:
                for _ in stream.iter_lines():
                    if over.is_set():
                        return
        except requests.RequestException:
            # The learner has given up just now, or the hub is stopped.
            over.wait(1)


def give_up_and_start_again(hub: Hub, name: str) -> None:
    """Cancel that learner's job and ask for another."""
    hub.api("DELETE", f"users/{name}/servers/{hub.server}")
    wait_for(lambda: hub.server not in hub.servers(name), f"the server of {name} is stopped", 60)
    answer = hub.press_start(name)
    assert answer.ok, answer.text


def soak(hub: Hub, seconds: float) -> list[dict[str, Any]]:
    """The hub's memory at equal distances."""
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    for starts, name in enumerate(cycle(hub.learners)):
        passed = time.monotonic() - began
        if passed >= seconds * len(rows) / ROWS:
            rows.append({"minute": HASTE * passed / 60, "hub MiB": hub.memory_mib(), "new starts": starts})
            say(str(rows[-1]))
        if len(rows) > ROWS:
            return rows
        give_up_and_start_again(hub, name)
        time.sleep(max(0.0, began + CHANGE_SECONDS * (starts + 1) - time.monotonic()))
    raise AssertionError("a cycle has no end")


def main(minutes: float) -> None:
    """Measure, print and write."""
    over = threading.Event()
    with bench_cluster() as cluster, running_hub("hpcampus", cluster, learners(LEARNERS), haste=HASTE) as hub:
        empty = hub.memory_mib()
        cluster.fill()
        pending = submit_all(hub, cluster, 0)
        for name in hub.learners:
            threading.Thread(target=keep_page_open, args=(hub, name, over), daemon=True).start()
        rows = soak(hub, 60 * minutes)
        over.set()
    outcome.table(rows)
    half = rows[len(rows) // 2]["hub MiB"]
    growth = rows[-1]["hub MiB"] - half
    each = 1024 * (rows[-1]["hub MiB"] - empty) / pending
    print(f"\n{pending} waited: {each:,.0f} KiB each; {growth:+.1f} MiB in the second half hour")
    outcome.write("soak", rows, "jupyterhub", waiting=pending, haste=HASTE, second_half_hour_mib=growth)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 6)
