"""What the person who asks wants beside the needs, and which partitions are left to choose from."""

from dataclasses import dataclass

from hpcampus_spawner.offers import Offers
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.site import Partition, Site


@dataclass(frozen=True)
class Wishes:
    """None is for whatever fits."""

    partition: str | None = None
    gpu_type: str | None = None
    reservation: str | None = None


def wished(site: Site, wishes: Wishes, offers: Offers | None) -> list[Partition]:
    """The partitions that are open to notebooks and are what was wished for; raises `Refused`."""
    candidates = _open_partitions(site, wishes.partition)
    return _with_type(site, candidates, wishes.gpu_type, offers) if wishes.gpu_type else candidates


def gpu_types(partition: Partition, offers: Offers | None) -> frozenset[str]:
    """The types of whole GPUs and slices by which a job may ask there, as far as they are known."""
    live = offers.partitions.get(partition.name) if offers else None
    names = {name.partition(":")[2] for name in live.free_gpus if name.startswith("gpu:")} if live else set()
    return frozenset(names | ({partition.gpu_type} if partition.gpu_type else set()))


def _open_partitions(site: Site, partition: str | None) -> list[Partition]:
    open_here = [p for p in site.partitions if p.not_for_notebooks is None]
    if partition is None:
        return open_here
    found = site.partition(partition)
    names = ", ".join(p.name for p in open_here)
    if found is None:
        raise Refused("partition", f"{site.name} has no partition of that name. It has: {names}.")
    if found.not_for_notebooks is not None:
        raise Refused(
            "partition",
            f"{found.name} is not for notebooks: {found.not_for_notebooks}. Choose from: {names}.",
        )
    return [found]


def _with_type(
    site: Site, candidates: list[Partition], gpu_type: str, offers: Offers | None
) -> list[Partition]:
    types = {p.name: gpu_types(p, offers) for p in candidates}
    found = [p for p in candidates if gpu_type in types[p.name]]
    # As long as the scheduler hasn't said which types it has, it decides.
    unknown = [p for p in candidates if p.has_gpus] if offers is None else []
    if not found and not unknown:
        names = ", ".join(sorted(frozenset().union(*types.values()))) or "no types that a job can name"
        raise Refused("gpu-type", f"{site.name} has no GPUs of that type here. It has: {names}.")
    return found or unknown
