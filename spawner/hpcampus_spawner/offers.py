"""What a cluster offers just now, as its scheduler says: what is free where, and its reservations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hpcampus_spawner.request import JobRequest


@dataclass(frozen=True)
class Room:
    """What is free on each of some nodes that look alike; memory in MiB, None where it isn't counted.

    `gpus` counts by the scheduler's own names, such as `gpu`, `gpu:a100`, `gpu:1g.10gb` or `shard`.
    """

    nodes: int
    cpus: int
    memory_mib: int | None = None
    gpus: Mapping[str, int] = field(default_factory=dict)
    empty: bool = True
    """Whether nothing runs there, so that a whole node can be had."""
    reserved: bool = False
    """Whether only jobs that name a reservation get in."""

    def takes(self, request: JobRequest) -> bool:
        """Whether that job could start on one of these nodes."""
        return (
            self.cpus >= request.cpus
            and (self.memory_mib is None or self.memory_mib >= (request.memory_mib or 0))
            and (request.gpu_request == "whole-node" or self._gpus_for(request) >= request.gpus)
            and (self.empty or not request.exclusive)
            and self.reserved == (request.reservation is not None)
        )

    def _gpus_for(self, request: JobRequest) -> int:
        kind = "shard" if request.gpu_request == "shard" else "gpu"
        wanted = f"{kind}:{request.gpu_type}" if request.gpu_type else kind
        # A scheduler without types gives what it has, and a job that names none takes any one type.
        counts = [n for name, n in self.gpus.items() if name in (wanted, kind) or _of(name) == wanted]
        return max(counts, default=0)


@dataclass(frozen=True)
class PartitionOffer:
    """One partition: its nodes by what can be done with them, and the room that is free."""

    open: bool
    total: int = 0
    idle: int = 0
    mixed: int = 0
    down: int = 0
    rooms: tuple[Room, ...] = ()

    @property
    def free_cpus(self) -> int:
        """The CPUs that anybody could have now."""
        return sum(room.nodes * room.cpus for room in self.rooms if not room.reserved)

    @property
    def free_gpus(self) -> Mapping[str, int]:
        """The GPUs that anybody could have now, by name; names of which none is free are there too."""
        free: dict[str, int] = {}
        for room in self.rooms:
            for name, count in room.gpus.items():
                free[name] = free.get(name, 0) + (0 if room.reserved else room.nodes * count)
        return free

    def takes(self, request: JobRequest) -> int:
        """How many nodes could start that job now."""
        return sum(room.nodes for room in self.rooms if room.takes(request)) if self.open else 0


@dataclass(frozen=True)
class Reservation:
    """Nodes kept for some people, or for maintenance, from `starts` to `ends`; both are aware.

    Of users, accounts and groups, () means that nothing is said; a name with a dash before it is shut out.
    """

    name: str
    starts: datetime | None
    ends: datetime | None
    partition: str | None = None
    nodes: int | None = None
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()

    @property
    def maintenance(self) -> bool:
        """Whether the nodes are kept for repair."""
        return "MAINT" in self.flags

    def active(self, now: datetime) -> bool:
        """Whether it has begun and isn't over."""
        return (self.starts is None or self.starts <= now) and not self.over(now)

    def over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.ends is not None and self.ends <= now

    def admits(self, user: str, account: str | None) -> bool:
        """Whether it may be for that person and project, as far as can be told; the scheduler decides.

        Who is in a Unix group of the cluster isn't known here, so a group shuts nobody out.
        """
        if self.maintenance:
            return False
        if not _named(user, self.users) and not (self.groups and not self.users):
            return False
        return account is None or _named(account, self.accounts)


@dataclass(frozen=True)
class Offers:
    """One good answer of the scheduler."""

    partitions: Mapping[str, PartitionOffer] = field(default_factory=dict)
    reservations: tuple[Reservation, ...] = ()

    def takes(self, request: JobRequest) -> int:
        """How many nodes could start that job now."""
        partition = self.partitions.get(request.partition)
        return partition.takes(request) if partition else 0

    def reservation(self, name: str) -> Reservation | None:
        """The reservation of that name."""
        return next((found for found in self.reservations if found.name == name), None)

    def maintenance(self, partition: str, until: datetime, now: datetime) -> Reservation | None:
        """The first maintenance that may concern a job in that partition which ends then."""
        found = [
            reservation
            for reservation in self.reservations
            if reservation.maintenance
            and reservation.partition in (None, partition)
            and reservation.starts is not None
            and reservation.starts < until
            and not reservation.over(now)
        ]
        return min(found, key=lambda one: one.starts or now, default=None)


def _of(name: str) -> str:
    return name.partition(":")[0]


def _named(name: str, listed: tuple[str, ...]) -> bool:
    """Whether a list of the allowed, or of those shut out, lets that name in; () lets everybody in."""
    if any(entry.startswith("-") for entry in listed):
        return f"-{name}" not in listed
    return not listed or name in listed
