"""From Start to JupyterLab, ours beside the stock spawner and the stock server, on one idle twin in one run.

    benchmarks/run server_start

Needs root and Slurm's packages, and strace for the file operations. Seconds are medians of three; after
`tools/pack_environment.sh .venv` there is a row for servers from the image, too. Prints a table and writes
benchmarks/results/server_start.json.
"""

import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import by_hand
import outcome
from by_hand import pretended_hub
from cluster import USER, BenchCluster, bench_cluster, say, wait_for
from hpcampus_spawner.image import IMAGE
from hub import Hub, running_hub

REPEATS = 3
IMAGE_FILE = Path(sys.prefix) / IMAGE
PACKED = "hpcampus, packed"
KINDS = {"batchspawner": "batchspawner", "hpcampus": "hpcampus"}
if IMAGE_FILE.exists():
    KINDS[PACKED] = "hpcampus"


def through_the_hub(hub: Hub) -> float:
    """Seconds from Start until the hub says that the server is ready."""
    began = time.monotonic()
    # JupyterHub's answer may wait for the server; the page doesn't.
    press = threading.Thread(target=hub.press_start, args=(USER,))
    press.start()
    wait_for(
        lambda: hub.server in hub.servers(USER) and hub.ready(USER), "the server is ready", 120, every=0.02
    )
    seconds = time.monotonic() - began
    press.join()
    stop(hub)
    return seconds


def stop(hub: Hub) -> None:
    """Stop the server, and wait until nothing is left of it."""
    hub.api("DELETE", f"users/{USER}/servers/{hub.server}" if hub.server else f"users/{USER}/server")
    wait_for(lambda: hub.server not in hub.servers(USER), "the server is stopped", 120)


def measure(cluster: BenchCluster) -> list[dict[str, Any]]:
    """Every kind, one after the other: through its hub, and by hand."""
    rows: list[dict[str, Any]] = []
    with pretended_hub() as pretended:
        for label, kind in KINDS.items():
            with nullcontext() if label == PACKED else without_image():
                say(f"Starting servers of {label} …")
                with running_hub(kind, cluster, [USER], as_root=True) as hub:
                    whole = statistics.median(through_the_hub(hub) for _ in range(REPEATS))
                alone = statistics.median(
                    by_hand.seconds(kind, pretended, packed=label == PACKED) for _ in range(REPEATS)
                )
                row = {
                    "spawner": label,
                    "Start to ready s": whole,
                    "by hand s": alone,
                    "above s": whole - alone,
                }
                rows.append({**row, **by_hand.footprint(kind, pretended)})
                say(str(rows[-1]))
    return rows


@contextmanager
def without_image() -> Iterator[None]:
    """The environment's image out of the way, if there is one."""
    if not IMAGE_FILE.exists():
        yield
        return
    aside = IMAGE_FILE.with_suffix(".aside")
    IMAGE_FILE.rename(aside)
    try:
        yield
    finally:
        aside.rename(IMAGE_FILE)


def main() -> None:
    """Measure, print and write."""
    with bench_cluster() as cluster:
        rows = measure(cluster)
    outcome.table(rows)
    stock, *ours = rows
    names = [name for name in stock if name not in ("spawner", "above s")]
    ratios = {row["spawner"]: {name: row[name] / stock[name] for name in names} for row in ours}
    for label, ratio in ratios.items():
        parts = ", ".join(f"{name} {value:.2f}" for name, value in ratio.items())
        print(f"\n{label} as a part of theirs: {parts}")
    outcome.write("server_start", rows, "jupyterhub", "jupyterlab", ratios=ratios)


if __name__ == "__main__":
    sys.exit(main())
