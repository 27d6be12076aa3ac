"""One partition: what a job would get there, what of its needs can't be had, and what would fit instead."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.site import GpuSlice, Partition, Qos, Site


@dataclass(frozen=True)
class Fit:
    """Needs on one partition. They fit when there are no problems; each problem says what is possible."""

    partition: Partition
    needs: Needs
    qos: Qos | None
    limit: int | None
    """The longest that a job may run, in minutes; None where nobody published it."""
    problems: tuple[str, ...]

    @property
    def gpu_slice(self) -> GpuSlice | None:
        """The slice that is enough, if these needs want no more than one."""
        if not (self.needs.gpu_slice and self.needs.gpus == 1):
            return None
        fits = (s for s in self.partition.gpu_slices if self.needs.cpus <= s.cpus)
        return next((s for s in fits if self.needs.memory_gib <= s.memory_gib), None)

    @property
    def shrunk(self) -> Needs:
        """The needs cut down to what this partition has; they may still not fit."""
        partition, needs = self.partition, self.needs
        changes: dict[str, Any] = {"cpus": _least(needs.cpus, partition.cpus)}
        changes["gpus"] = 0 if wrong_vendor(partition, needs) else _least(needs.gpus, partition.gpus)
        if partition.gpu_required:
            changes["gpus"] = max(1, changes["gpus"])
        changes["walltime_minutes"] = _least(needs.walltime_minutes, self.limit)
        if partition.memory_mib is not None and mib(needs) > partition.memory_mib:
            # Rounded down to a figure that reads well.
            changes["memory_gib"] = math.floor(partition.memory_mib / 102.4) / 10
        return needs.model_copy(update=changes)


def fit(needs: Needs, site: Site, partition: Partition, allocation: Allocation) -> Fit:
    """Try the needs on a partition, with the QOS that the allocation brings or the site's rules ask for."""
    qos = _qos(needs, site, partition, allocation)
    limit = _limit(site, partition, qos)
    problems = [*_too_much(needs, partition, limit), *_wrong_place(needs, site, partition, qos)]
    return Fit(partition, needs, qos, limit, tuple(problems))


def wrong_vendor(partition: Partition, needs: Needs) -> bool:
    """Whether the GPUs here are known to be another maker's than the work needs."""
    known = partition.has_gpus and needs.gpus and needs.gpu_vendor and partition.gpu_vendor
    return bool(known) and partition.gpu_vendor != needs.gpu_vendor


def mib(needs: Needs) -> int:
    """The memory in whole MiB."""
    return max(1, round(needs.memory_gib * 1024))


def _too_much(needs: Needs, partition: Partition, walltime_limit: int | None) -> Iterator[str]:
    wanted = (
        (needs.gpus, partition.gpus, "GPUs on a node", "at most {}"),
        (needs.cpus, partition.cpus, "CPUs on a node", "1 to {}"),
        (mib(needs), partition.memory_mib, "MiB of memory on a node", "1 to {}"),
        (needs.walltime_minutes, walltime_limit, "minutes", "1 to {}"),
    )
    for want, limit, unit, bound in wanted:
        if limit is not None and want > limit:
            yield f"{want} {unit} asked for, {bound.format(limit)} possible"


def _wrong_place(needs: Needs, site: Site, partition: Partition, qos: Qos | None) -> Iterator[str]:
    if wrong_vendor(partition, needs):
        yield f"needs {needs.gpu_vendor} GPUs, has {partition.gpu_vendor}"
    if partition.gpu_required and not needs.gpus:
        yield "takes only jobs that ask for a GPU"
    if qos is not None and qos.partitions and partition.name not in qos.partitions:
        yield f"QOS {qos.name} isn't for this partition"
    if qos is None and site.qos_rule.required:
        yield "jobs must name a QOS, and none for this partition is known"


def _qos(needs: Needs, site: Site, partition: Partition, allocation: Allocation) -> Qos | None:
    """The allocation's QOS; else, where jobs must name one, the site's default or the first that fits."""
    if allocation.qos is not None:
        project = site.project_qos.max_walltime_minutes if site.project_qos else None
        unlisted = Qos(name=allocation.qos, max_walltime_minutes=project)
        return next((qos for qos in site.qos if qos.name == allocation.qos), unlisted)
    if not site.qos_rule.required:
        return None
    here = [qos for qos in site.qos if not qos.partitions or partition.name in qos.partitions]
    long_enough = [q for q in here if (q.max_walltime_minutes or math.inf) >= needs.walltime_minutes]
    longest_first = sorted(here, key=lambda q: -(q.max_walltime_minutes or math.inf))
    return next(iter(sorted(long_enough, key=lambda q: not q.default) or longest_first), None)


def _limit(site: Site, partition: Partition, qos: Qos | None) -> int | None:
    if qos is None or site.overrides_partitions(qos):
        return qos.max_walltime_minutes if qos else partition.max_walltime_minutes
    known = [m for m in (partition.max_walltime_minutes, qos.max_walltime_minutes) if m is not None]
    return min(known, default=None)


def _least(wanted: int, limit: int | None) -> int:
    return wanted if limit is None else min(wanted, limit)
