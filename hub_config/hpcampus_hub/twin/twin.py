"""A site's Slurm cluster in miniature, on this machine: real daemons, a few pretended nodes, no GPU."""

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.site import Site

from hpcampus_hub.twin import accounting, configuration, processes, requirements
from hpcampus_hub.twin import folder as twin_folder
from hpcampus_hub.twin.commands import CommandFailed, run
from hpcampus_hub.twin.configuration import MARK, Ports
from hpcampus_hub.twin.daemons import Daemons
from hpcampus_hub.twin.errors import TwinUnavailable
from hpcampus_hub.twin.miniature import Miniature, MiniReservation
from hpcampus_hub.twin.waiting import wait_for

READY_SECONDS = 60
# How long `scancel` may take, and then the jobs; what is left is killed.
STOP_SECONDS = 5
JOBS_END_SECONDS = 15
KILL_SECONDS = 10


class Twin:
    """The cluster of a site as long as the `with` block, or from `start` to `stop`.

    Jobs run as the Unix users who submit them. The folder belongs to the twin: it is emptied at every start,
    and whatever an earlier twin of the same folder left running is ended first. After `stop` the logs of the
    daemons stay in it. `more` are lines of slurm.conf that a site might have, to rehearse what they bring.
    Raises `TwinUnavailable`.
    """

    def __init__(self, site: Site, folder: Path, more: Sequence[str] = ()) -> None:
        if site.scheduler.kind != "slurm":
            raise TwinUnavailable(f"{site.name} doesn't run Slurm, as far as is known, so it has no twin.")
        self.folder = folder
        self.miniature = Miniature.of(site)
        self._more = tuple(more)
        self._claim: int | None = None
        self._daemons = Daemons(folder / "logs", {MARK: str(folder), **self.environment})
        self._accounts = accounting.Accounts(self.miniature, self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make Slurm's commands speak with this twin."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    @property
    def pids(self) -> Mapping[str, int]:
        """The PID of each daemon: munged, mariadbd, slurmdbd, slurmctld, and slurmd-<node>."""
        return self._daemons.pids

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the cluster and wait until its nodes take jobs."""
        requirements.check()
        self._claim = twin_folder.claim(self.folder)
        try:
            self._end_leftovers()
            self._prepare()
            self._start_daemons()
            self.wait_ready(READY_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every job and every daemon; stopping twice does nothing."""
        if self._claim is None:
            return
        with ExitStack() as last:
            last.callback(os.close, self._claim)
            self._claim = None
            last.callback(self._end_leftovers)
            last.callback(self._daemons.stop)
            self._end_jobs()

    def restart(self, daemon: str) -> None:
        """Start a daemon that was killed again, and wait until the nodes are up: to rehearse a fault."""
        self._daemons.restart(daemon)
        self.wait_ready(READY_SECONDS)

    def wait_ready(self, seconds: float) -> None:
        """Wait until slurmctld answers and every node is up."""
        self._daemons.wait("slurmctld", self._all_nodes_up, seconds)

    def add_people(self, names: Iterable[str], allocation: Allocation) -> None:
        """Let Unix users charge jobs to an account, with the QOS that comes with it.

        They must have their Unix accounts already: slurmctld looks their numbers up once. Where the site has
        neither account nor QOS rules, everybody may send jobs without this.
        """
        people = list(names)
        self._accounts.add(people, allocation)
        for reservation in self.miniature.reservations:
            self._reserve(reservation, people)

    def _reserve(self, reservation: MiniReservation, people: list[str]) -> None:
        name, users = f"ReservationName={reservation.name}", ",".join(people)
        known = run(["scontrol", "--oneliner", "show", "reservation"], self.environment).split()
        if name in known:
            run(["scontrol", "update", name, f"Users+={users}"], self.environment)
            return
        # Starting now and for ever.
        when = ["StartTime=now", "Duration=UNLIMITED"]
        what = [f"Nodes={reservation.node}", f"Users={users}"]
        run(["scontrol", "create", "reservation", name, *when, *what], self.environment)

    def processes(self) -> list[processes.Process]:
        """Everything that runs because of this folder's twin: daemons, and jobs with their children."""
        return processes.family(self._is_ours)

    def _is_ours(self, pid: int) -> bool:
        if processes.was_given(pid, MARK, str(self.folder)):
            return True
        # slurmstepd writes its title over its environment, but works where its slurmd was started.
        return processes.works_in(pid, self.folder / "spool", "slurmstepd")

    def _prepare(self) -> None:
        twin_folder.empty(self.folder)
        for name in ("state", "accounting", "logs"):
            twin_folder.subfolder(self.folder / name)
        # Jobs run their script from `spool` and meet munge at its socket.
        for name in ("spool", "munge", "dev"):
            twin_folder.subfolder(self.folder / name, 0o755)
        twin_folder.fake_devices(self.folder / "dev", self.miniature.gpus)
        twin_folder.write(self.folder / "munge" / "key", os.urandom(128), 0o400)
        self._ports = Ports.choose(self.miniature.node_names)
        configuration.write(self.folder, self.miniature, self._ports, self._more)

    def _start_daemons(self) -> None:
        self._start_munged()
        accounting.start_database(self.folder, self._daemons)
        accounting.start_slurmdbd(self.folder, self._daemons, self._ports.slurmdbd)
        self._accounts.create()
        self._daemons.start("slurmctld", ["slurmctld", "-D"])
        here = ("127.0.0.1", self._ports.slurmctld)
        self._daemons.wait("slurmctld", lambda: accounting.listens(socket.AF_INET, here), READY_SECONDS)
        for node in self.miniature.node_names:
            spool = twin_folder.subfolder(self.folder / "spool" / node, 0o755)
            self._daemons.start(f"slurmd-{node}", ["slurmd", "-D", "-N", node], directory=spool)

    def _start_munged(self) -> None:
        munge, endpoint = self.folder / "munge", str(self.folder / "munge" / "munge.socket")
        options = [f"--key-file={munge / 'key'}", f"--socket={endpoint}", f"--pid-file={munge / 'pid'}"]
        options += [f"--seed-file={munge / 'seed'}", f"--log-file={self.folder / 'logs' / 'munge'}"]
        self._daemons.start("munged", ["munged", "--foreground", *options])
        self._daemons.wait("munged", lambda: accounting.listens(socket.AF_UNIX, endpoint), READY_SECONDS)

    def _all_nodes_up(self) -> bool:
        try:
            nodes = run(["sinfo", "--noheader", "--Node", "--format=%N %T"], self.environment).splitlines()
        except CommandFailed:
            return False
        up = all(line.endswith((" idle", " mixed", " allocated")) for line in nodes)
        return bool(nodes) and up and self._accounts.knows_slurmctld()

    def _end_jobs(self) -> None:
        """Let the jobs end as `scancel` ends them; if slurmctld can't, they are killed with the rest."""
        if not self._daemons.alive("slurmctld"):
            return
        with suppress(CommandFailed):
            if ids := self._jobs():
                run(["scancel", *ids], self.environment, seconds=STOP_SECONDS)
            wait_for(lambda: not self._jobs(), JOBS_END_SECONDS)

    def _jobs(self) -> list[str]:
        squeue = ["squeue", "--noheader", "--format=%A"]
        return run(squeue, self.environment, seconds=STOP_SECONDS).split()

    def _end_leftovers(self) -> None:
        left = processes.end(self.processes, KILL_SECONDS)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise TwinUnavailable(f"Processes of the twin in {self.folder} can't be ended: {pids}.")
