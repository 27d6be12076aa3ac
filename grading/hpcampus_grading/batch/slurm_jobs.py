"""Workers as jobs of Slurm, by dask-jobqueue; sbatch gets none of this server's secrets."""

import asyncio
import logging
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Security, Status
from hpcampus_spawner.folders import PRIVATE
from hpcampus_spawner.request import JobRequest
from tornado.ioloop import PeriodicCallback

from hpcampus_grading.batch.run import Check
from hpcampus_grading.batch.workers import NO_DASHBOARD, NoWorkers

# This import takes Ctrl-C for itself, which is ours.
_CTRL_C = signal.getsignal(signal.SIGINT)
from dask_jobqueue.slurm import SLURMCluster, SLURMJob  # noqa: E402

signal.signal(signal.SIGINT, _CTRL_C)

log = logging.getLogger("hpcampus.grading")

_LISTING = ("squeue", "--noheader", "--format=%i")
# So often a job may end before it has worked, on average.
_TRIES = 3
# What a job may know of the environment that it is sent from: Slurm writes all of it to its disk. No token.
_KNOWN = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_\w+|LD_LIBRARY_PATH|MODULEPATH|LOADEDMODULES|_LMFILES_|SLURM_CONF"
)
_OURS = ("-p ", "-A ", "-n ", "-t ", "--mem=", "--cpus-per-task=")


class WorkerJob(SLURMJob):
    """One job, sent from a private folder and with a scrubbed environment."""

    @contextmanager
    def job_file(self) -> Iterator[str]:
        """The script, where nobody else can put another in its place."""
        with tempfile.NamedTemporaryFile("w", dir=_logs(), suffix=".sh") as file:
            file.write(self.job_script())
            file.flush()
            yield file.name

    async def start(self) -> None:
        """Send it; one that Slurm refuses is known as failed, as Dask wants it when the cluster ends."""
        try:
            await super().start()  # type: ignore[no-untyped-call]
        except RuntimeError:
            self.status = Status.failed
            raise

    async def _submit_job(self, script_filename: str) -> str:
        sent: str = await self._call(["sbatch", script_filename], env=known(os.environ))
        return sent


class WorkerCluster(SLURMCluster):
    """A scheduler here, and jobs that are its workers."""

    job_cls = WorkerJob

    async def send(self, jobs: int) -> None:
        """Have so many jobs; raises `NoWorkers` with Slurm's own words when it refuses one."""
        while len(self.worker_spec) < jobs:
            self.worker_spec.update(self.new_worker_spec())
        try:
            await self._correct_state()
        except RuntimeError as error:
            raise NoWorkers(f"Slurm refuses the job: {error}") from error

    def forget(self, name: str) -> bool:
        """A job that ended. The next gets a name of its own: Dask still waits for this one to come back."""
        self.worker_spec.pop(name, None)
        return self.workers.pop(name, None) is not None


class _Keeper:
    """Sends another job for one that ended, whatever ended it, unless all end before they have worked."""

    def __init__(self, cluster: Any, jobs: int) -> None:
        self._cluster, self._jobs = cluster, jobs
        self._in_vain = 0
        self._looking, self._over = asyncio.Lock(), False

    async def look(self) -> None:
        """Compare what Slurm says with what there should be, until it is over."""
        async with self._looking:
            if not self._over:
                await self._look()

    async def end(self) -> None:
        """Look no more: a job that were sent now would outlive the cluster."""
        async with self._looking:
            self._over = True

    async def _look(self) -> None:
        before = dict(self._cluster.workers)
        try:
            listed = (await WorkerJob._call([*_LISTING, f"--user={os.getuid()}"])).split()
            for name, job in before.items():
                if job.job_id not in listed and self._cluster.forget(name):
                    log.warning("Job %s ended. Its log is in %s.", job.job_id, _logs())
                    self._in_vain += 1
            if self._cluster.scheduler.workers:
                self._in_vain = 0
            if not self._hopeless:
                await self._cluster.send(self._jobs)
        except RuntimeError as error:
            # Only an answer that succeeded can say that a job is gone.
            log.warning("%s", error)

    def check(self) -> None:
        """Raise `NoWorkers` when no more jobs are sent."""
        if self._hopeless:
            raise NoWorkers(
                f"{self._in_vain} jobs ended before they had graded anything, so no more are sent. "
                f"Their logs in {_logs()} say why."
            )

    @property
    def _hopeless(self) -> bool:
        return self._in_vain > self._jobs * _TRIES


@contextmanager
def kept_at(cluster: Any, jobs: int, look_milliseconds: int = 5000) -> Iterator[Check]:
    """So many jobs within the block; answers what raises `NoWorkers` when there is no hope of any."""
    keeper = _Keeper(cluster, jobs)
    looking = PeriodicCallback(keeper.look, look_milliseconds)
    cluster.sync(cluster.send, jobs)
    cluster.loop.add_callback(looking.start)
    try:
        yield keeper.check
    finally:
        cluster.loop.add_callback(looking.stop)
        cluster.sync(keeper.end)


def known(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a job may have."""
    return {name: value for name, value in environment.items() if _KNOWN.fullmatch(name)}


def cluster_of(request: JobRequest, options: Sequence[str], security: Security) -> WorkerCluster:
    """A cluster without jobs yet; each will ask Slurm for what the options say."""
    if shutil.which("sbatch") is None:
        raise NoWorkers("There is no sbatch here: grade on this machine, with --on here.")
    _logs().mkdir(mode=0o700, parents=True, exist_ok=True)
    return WorkerCluster(
        cores=request.cpus,
        processes=request.cpus,
        memory=f"{request.memory_mib or 4096}MiB",
        # All that Slurm is asked for is in the options, as the hub writes them for a notebook.
        job_directives_skip=_OURS,
        job_extra_directives=["--no-requeue", "--open-mode=append", *options],
        job_name="hpcampus-grading",
        log_directory=str(_logs()),
        security=security,
        protocol="tls://",
        death_timeout=120,
        worker_extra_args=["--no-dashboard"],
        local_directory=str(_logs()),
        scheduler_options=NO_DASHBOARD,
    )


def _logs() -> Path:
    return Path.home() / PRIVATE / "grading"
