"""Dask's workers for a batch: processes on this machine, or jobs of Slurm. All of it speaks TLS.

The certificate is the instructor's own, the one that Dask has in every notebook server: whoever can show it
is them.
"""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dask
from distributed import Client, LocalCluster, Security
from distributed.deploy.cluster import Cluster
from hpcampus_spawner.dask_settings import CERTIFICATE, ensure_certificate
from hpcampus_spawner.folders import PRIVATE
from hpcampus_spawner.request import VARIABLE, JobRequest
from hpcampus_spawner.slurm import request_options
from pydantic import ValidationError

from hpcampus_grading.batch.run import nothing_to_check, one_after_the_other, results
from hpcampus_grading.batch.work import Graded, Material, Work

Grade = Callable[[Material, Iterable[Work]], Iterator[Graded]]
# A submission that takes its worker along so often isn't tried again.
_TRIES = 3
# It knows no log-in, and would show learners' names to others on the node.
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
_SETTINGS = {
    "distributed.scheduler.allowed-failures": _TRIES - 1,
    "distributed.scheduler.http.routes": [],
    # It looks a hundred times a second where the code is, for a page that there isn't here; at what else it
    # looks for the same reason costs as much.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
}


class NoWorkers(RuntimeError):
    """There can be no workers of the kind that is asked for; the message says why."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Crew:
    """Who grades: `count` processes here, or jobs of Slurm. None: a process for each core, or one job."""

    on: Literal["here", "slurm"] = "here"
    count: int | None = None

    @property
    def processes(self) -> int:
        """How many processes may work on this machine at the same time."""
        return self.count if self.on == "here" and self.count else cores()

    @contextlib.contextmanager
    def at_work(self, submissions: int) -> Iterator[Grade]:
        """The crew for so many submissions; raises `NoWorkers`.

        For a single worker here no cluster is started: it is this process.
        """
        if self.on == "slurm":
            wanted = min(self.count or 1, submissions)
            with slurm_workers(wanted, submissions) as grade:
                yield grade
            return
        wanted = min(self.processes, submissions)
        if wanted <= 1:
            yield one_after_the_other
            return
        with local_workers(wanted) as client:
            yield functools.partial(results, client, wanted, submissions, nothing_to_check)


@contextlib.contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """So many processes on this machine."""
    with dask.config.set(_SETTINGS):
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            protocol="tls://",
            security=security(),
            host="127.0.0.1",
            scheduler_kwargs=NO_DASHBOARD,
            memory_limit=0,  # it is the sandbox that needs memory, which has a limit of its own
            silence_logs=logging.CRITICAL,
        )
        with cluster, client_of(cluster) as client:
            yield client


@contextlib.contextmanager
def slurm_workers(
    jobs: int, submissions: int, environment: Mapping[str, str] = os.environ
) -> Iterator[Grade]:
    """So many jobs of Slurm, each like the job of this notebook server, with a worker for each of its cores.

    Jobs that end are replaced. Raises `NoWorkers` where there is no Slurm, or no such job, or only jobs that
    end before they have worked.
    """
    # Imported only here: it writes a file of defaults into the home.
    from hpcampus_grading.batch.slurm_jobs import cluster_of, kept_at  # noqa: PLC0415

    request = job_request(environment)
    with (
        dask.config.set(_SETTINGS),
        cluster_of(request, request_options(request), security()) as cluster,
        kept_at(cluster, jobs) as check,
        client_of(cluster) as client,
    ):
        yield functools.partial(results, client, jobs * request.cpus, submissions, check)


def client_of(cluster: Cluster) -> Client:
    """A client that takes plain data for a result, and unpickles none."""
    return Client(cluster, set_as_default=False, deserializers=["msgpack"])


def job_request(environment: Mapping[str, str]) -> JobRequest:
    """The job that a worker asks for: this server's own, but for a reservation, which is for class."""
    try:
        request = JobRequest.model_validate_json(environment[VARIABLE])
    except (KeyError, ValidationError) as error:
        raise NoWorkers(
            "It isn't known here how to ask for jobs: start your course's server on a cluster with Slurm, "
            "or grade on this machine with --on here."
        ) from error
    return request.model_copy(update={"reservation": None})


def security() -> Security:
    """TLS for everything that Dask says, with the certificate in this home."""
    ensure_certificate(Path.home())
    file = str(Path.home() / PRIVATE / CERTIFICATE)
    roles = ("client", "scheduler", "worker")
    parts = {f"tls_{role}_{part}": file for role in roles for part in ("cert", "key")}
    return Security(require_encryption=True, tls_ca_file=file, **parts)
