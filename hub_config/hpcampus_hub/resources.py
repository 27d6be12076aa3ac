"""What the resource form may offer one person at one site: partitions, types of GPUs, reservations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.availability import Seen
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.offers import Reservation
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.site import Partition, Site
from hpcampus_spawner.wishes import Wishes, gpu_types
from hpcampus_spawner.words import day_and_time, duration

from hpcampus_hub.choosing import figures_in_words, free_in_words

# More than any node has: where a site publishes no figure, the form sets no limit.
UNBOUNDED = 10_000


@dataclass(frozen=True)
class PartitionRow:
    """One partition that this person may use; figures are for one node, None is unpublished."""

    partition: Partition
    gpu_types: tuple[str, ...]
    free: str
    pending: int | None

    @property
    def node(self) -> str:
        """What one node has, and how long a job may run."""
        one = self.partition
        gpus = one.gpus if one.gpus is not None else "some" if one.has_gpus else 0
        figures = (
            f"{one.cpus} CPUs" if one.cpus else "",
            f"{one.memory_mib / 1024:.0f} GiB" if one.memory_mib else "",
            f"{gpus} GPUs {', '.join(self.gpu_types)}".strip() if gpus else "",
            f"at most {duration(one.max_walltime_minutes)}" if one.max_walltime_minutes else "",
        )
        return ", ".join(figure for figure in figures if figure) or "nothing published"


@dataclass(frozen=True)
class SiteResources:
    """One site, as the form shows it to one person."""

    site: Site
    partitions: tuple[PartitionRow, ...]
    reservations: tuple[Reservation, ...]
    """Those that the person may use, now or later."""
    notices: tuple[str, ...]
    """What is to come: reservations and maintenance, in sentences."""
    figures: str
    """How old the figures are."""

    @property
    def active(self) -> list[Reservation]:
        """The reservations that can be chosen now."""
        return [one for one in self.reservations if one.active(datetime.now(UTC))]

    @property
    def active_count(self) -> int:
        """How many can be chosen now."""
        return len(self.active)

    @property
    def partition_count(self) -> int:
        """How many partitions can be chosen."""
        return len(self.partitions)


@dataclass(frozen=True)
class Limits:
    """The most that the form lets anybody ask for."""

    cpus: int
    memory_gib: int
    gpus: int
    hours: int

    @classmethod
    def of(cls, sites: Sequence[SiteResources]) -> "Limits":
        """The largest figures of what is offered; one that isn't published bounds nothing."""
        found = [row.partition for site in sites for row in site.partitions]
        memory = [UNBOUNDED if p.memory_mib is None else p.memory_mib // 1024 for p in found]
        longest = [p.max_walltime_minutes or 60 * UNBOUNDED for p in found]
        return cls(
            cpus=max((p.cpus or UNBOUNDED for p in found), default=1),
            memory_gib=max(memory, default=1),
            gpus=max((UNBOUNDED if p.gpus is None and p.has_gpus else p.gpus or 0 for p in found), default=0),
            hours=max((max(minutes // 60, 1) for minutes in longest), default=1),
        )


def resources(learner: str, cluster: Cluster, allocation: Allocation, now: datetime) -> SiteResources:
    """What that person may ask for at the cluster; no partitions where they may not run anything."""
    site, seen = cluster.site, cluster.availability.look()
    rows = (
        PartitionRow(
            partition,
            tuple(sorted(gpu_types(partition, seen.offers if seen else None))),
            free_in_words(seen.offers.partitions.get(partition.name) if seen else None),
            cluster.watcher.pending(partition.name),
        )
        for partition in site.partitions
        if _may_use(partition, site, allocation)
    )
    reservations = tuple(_usable(learner, site, allocation, seen, now))
    notices = (*_coming(reservations, now), *_maintenance(seen, now))
    return SiteResources(site, tuple(rows), reservations, notices, figures_in_words(seen, now))


def _may_use(partition: Partition, site: Site, allocation: Allocation) -> bool:
    """Whether the smallest of jobs would be matched with that partition."""
    smallest = Needs(cpus=1, memory_gib=0.1, gpus=int(bool(partition.gpu_required)), walltime_minutes=1)
    try:
        match(smallest, site, allocation, Wishes(partition=partition.name))
    except Refused:
        return False
    return True


def _usable(
    learner: str, site: Site, allocation: Allocation, seen: Seen | None, now: datetime
) -> Iterator[Reservation]:
    suffixes = {partition.account_suffix or "" for partition in site.partitions}
    accounts = [allocation.account and allocation.account + suffix for suffix in suffixes]
    for one in seen.offers.reservations if seen else ():
        if not one.over(now) and any(one.admits(learner, account) for account in accounts):
            yield one


def _coming(reservations: Sequence[Reservation], now: datetime) -> Iterator[str]:
    for one in reservations:
        if not one.active(now) and one.starts and one.ends:
            yield f"Reservation {one.name}: from {day_and_time(one.starts)} to {day_and_time(one.ends)}."


def _maintenance(seen: Seen | None, now: datetime) -> Iterator[str]:
    for one in seen.offers.reservations if seen else ():
        if one.maintenance and not one.over(now) and one.starts and one.ends:
            where = f"partition {one.partition}" if one.partition else f"{one.nodes or 'some'} nodes"
            yield (
                f"Maintenance of {where}: from {day_and_time(one.starts)} to {day_and_time(one.ends)}. "
                "A job that would reach into it starts afterwards."
            )
