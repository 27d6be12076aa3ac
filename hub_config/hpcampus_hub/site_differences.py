"""What a site's file and a campus's arrangements say otherwise than the cluster, for the operator."""

from collections.abc import Iterator, Mapping

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.site import GpuSlice, Partition, Site

from hpcampus_hub.deployment import Allocations
from hpcampus_hub.live_site import LiveSite

# What a cluster says of itself, of all that a file can say of a partition.
COMPARED = (
    "nodes",
    "cpus",
    "schedulable_memory_mib",
    "gpus",
    "gpu_type",
    "max_walltime_minutes",
    "default_walltime_minutes",
    "exclusive",
    "default",
)
# What it means for a hub that a cluster hides things from those who are no operators.
PRIVATE_DATA = {
    "jobs": "people's jobs from each other: without that level the hub takes other people's jobs for gone",
    "nodes": "nodes: without that level the hub finds no job's node, and this check misses some",
    "reservations": "reservations: without that level nobody sees those of a course coming",
    "accounts": "accounts: without that level those of campus.yaml may seem to be missing",
}


def differences(known: Site, live: LiveSite, arranged: Allocations | None = None) -> Iterator[str]:
    """What to change in the file, or in `campus.yaml`, one sentence each."""
    there = {partition.name: partition for partition in live.partitions}
    for partition in known.partitions:
        if partition.name in there:
            yield from _partition_differences(partition, there.pop(partition.name))
            yield from _gres_differences(partition, live)
        else:
            yield f"{partition.name}: the cluster has no partition of that name; remove it."
    for name in there:
        yield f"{name}: a partition of the cluster that the file doesn't have; add it."
    yield from _qos_differences(known, live)
    yield from _missing_allocations(known, live, arranged or Allocations())
    for flag, meaning in PRIVATE_DATA.items():
        if flag in live.private_data:
            yield f"Give the hub's account Slurm's operator level. The cluster hides (PrivateData) {meaning}."


def _partition_differences(known: Partition, live: Partition) -> Iterator[str]:
    for key in COMPARED:
        ours, theirs = getattr(known, key), getattr(live, key)
        if ours != theirs:
            yield _differs(known.name, key, ours, theirs)


def _gres_differences(known: Partition, live: LiveSite) -> Iterator[str]:
    """Kinds of GPUs and slices; the commonest kind is compared with the rest of the partition."""
    gres = live.gres.get(known.name, frozenset())
    types = {name.partition(":")[2] for name in gres if name.startswith("gpu:")}
    slices = {part.name for part in known.gpu_slices}
    if len(types) > 1 and (more := types - slices - {known.gpu_type}):
        yield f"{known.name}: its nodes also have GPUs of type {', '.join(sorted(more))}."
    for part in known.gpu_slices:
        yield from _slice_differences(known.name, part, gres, live)


def _slice_differences(partition: str, part: GpuSlice, gres: frozenset[str], live: LiveSite) -> Iterator[str]:
    wanted = {"typed-gres": f"gpu:{part.name}", "shard": "shard"}.get(part.request)
    if wanted is not None and wanted not in gres:
        yield f"{partition}: slice {part.name}: no node there has the GRES {wanted}."
    if part.reservation is not None and part.reservation not in live.reservations:
        yield f"{partition}: slice {part.name}: {_none('reservation', part.reservation)}"


def _qos_differences(known: Site, live: LiveSite) -> Iterator[str]:
    limits = {qos.name: qos.max_walltime_minutes for qos in live.qos}
    for qos in known.qos:
        if qos.name not in limits:
            yield f"QOS {qos.name}: the cluster has none of that name, or doesn't show it."
        elif qos.max_walltime_minutes != limits[qos.name]:
            yield _differs(
                f"QOS {qos.name}", "max_walltime_minutes", qos.max_walltime_minutes, limits[qos.name]
            )


def _missing_allocations(known: Site, live: LiveSite, arranged: Allocations) -> Iterator[str]:
    """What `campus.yaml` names and the cluster doesn't have."""
    suffixes = {p.account_suffix or "" for p in known.partitions if p.not_for_notebooks is None}
    there = {
        "account": live.accounts,
        "QOS": {qos.name for qos in live.qos},
        "reservation": live.reservations,
    }
    for whose, allocation in _named(arranged):
        for kind, names in _wanted(allocation, suffixes).items():
            for name in sorted(names - there[kind]):
                yield f"campus.yaml: {whose}: {_none(kind, name)}"


def _named(arranged: Allocations) -> Iterator[tuple[str, Allocation]]:
    groups: tuple[tuple[str, Mapping[str, Allocation]], ...] = (
        ("course", arranged.courses),
        ("group", arranged.groups),
    )
    for kind, allocations in groups:
        for name, allocation in allocations.items():
            yield f"{kind} {name}", allocation


def _wanted(allocation: Allocation, suffixes: set[str]) -> dict[str, set[str]]:
    """The names that jobs of this allocation use, by kind."""
    account = allocation.account
    names = {account if account.endswith(suffix) else account + suffix for suffix in suffixes if account}
    return {
        "account": names,
        "QOS": {allocation.qos} if allocation.qos else set(),
        "reservation": {allocation.reservation} if allocation.reservation else set(),
    }


def _none(kind: str, name: str) -> str:
    return f"the cluster has no {kind} {name}, or doesn't show it."


def _differs(where: str, key: str, ours: object, theirs: object) -> str:
    in_file = "nothing" if ours is None else ours
    there = "nothing" if theirs is None else theirs
    return f"{where}: {key} is {in_file} in the file, and {there} on the cluster."
