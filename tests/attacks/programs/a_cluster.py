"""Somebody's Dask cluster, started as one does who thinks of no settings; it lives until its input ends."""

import sys

from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1) as cluster, Client(cluster) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        worker = next(iter(client.scheduler_info()["workers"]))
        print(cluster.scheduler_address, worker, client.scheduler_info()["services"]["dashboard"], flush=True)
        sys.stdin.read()
