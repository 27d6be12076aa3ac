"""A site shrunk to a few nodes: the partitions keep their names, node shapes and limits, not their size."""

from collections.abc import Iterable
from typing import NamedTuple, Self

from hpcampus_spawner.models import Model
from hpcampus_spawner.site import Partition, Qos, Site

# A twin has to give every node some size. Where nobody has published one, the node gets this one, so what a
# twin says about the size of a job on such a partition says nothing about the site.
STAND_IN_CPUS = 16
STAND_IN_MEMORY_MIB = 64 * 1024
STAND_IN_GPUS = 4


class Shape(NamedTuple):
    """The hardware of one node. Partitions of the same shape share their nodes."""

    cpus: int
    memory_mib: int
    gpus: int
    gpu_type: str | None
    feature: str | None

    @classmethod
    def of(cls, partition: Partition) -> Self:
        """The shape of a partition's nodes, with stand-ins for what isn't known."""
        gpus = (partition.gpus or STAND_IN_GPUS) if partition.has_gpus else 0
        return cls(
            cpus=partition.cpus or STAND_IN_CPUS,
            memory_mib=partition.memory_mib or STAND_IN_MEMORY_MIB,
            gpus=gpus,
            gpu_type=partition.gpu_type if gpus else None,
            feature=partition.constraint,
        )


class MiniNodes(Model):
    """All the twin's nodes of one shape."""

    names: tuple[str, ...]
    shape: Shape

    @property
    def gres(self) -> str | None:
        """The GPUs as Slurm's `Gres=` writes them; None without GPUs."""
        kind = f"gpu:{self.shape.gpu_type}" if self.shape.gpu_type else "gpu"
        return f"{kind}:{self.shape.gpus}" if self.shape.gpus else None


class MiniPartition(Model):
    """A partition of the site on the twin's nodes."""

    partition: Partition
    nodes: MiniNodes
    qos: tuple[str, ...]
    """The only QOS that jobs here may have; empty where any will do."""

    @property
    def size_is_published(self) -> bool:
        """Whether the nodes have the site's size and not a stand-in."""
        partition = self.partition
        gpus_known = partition.gpus is not None or not partition.has_gpus
        return partition.cpus is not None and partition.memory_mib is not None and gpus_known

    @property
    def memory_per_cpu_mib(self) -> int:
        """What a job that names no memory gets for each CPU: that CPU's share of the node."""
        return max(1, self.nodes.shape.memory_mib // self.nodes.shape.cpus)


class MiniQos(Model):
    """A QOS of the site, with the flags that make Slurm treat its wall time as the site does."""

    name: str
    max_walltime_minutes: int | None
    flags: str


class MiniReservation(Model):
    """Nodes kept for those who ask for them by name, as some sites keep those with slices of GPUs."""

    name: str
    node: str


class Miniature(Model):
    """Everything of a site that its twin reproduces."""

    cluster: str
    nodes: tuple[MiniNodes, ...]
    partitions: tuple[MiniPartition, ...]
    qos: tuple[MiniQos, ...]
    account_required: bool
    account_suffixes: tuple[str, ...]
    qos_required: bool
    project_qos_minutes: int | None
    reservations: tuple[MiniReservation, ...]

    @classmethod
    def of(cls, site: Site) -> Self:
        """Shrink the site; the twin of a site is always the same."""
        nodes = dict(_nodes(site.partitions))
        return cls(
            cluster=site.id.replace("-", "_"),
            nodes=tuple(nodes.values()),
            partitions=tuple(
                MiniPartition(
                    partition=partition, nodes=nodes[Shape.of(partition)], qos=_allowed_qos(site, partition)
                )
                for partition in site.partitions
            ),
            qos=tuple(_qos(qos, site) for qos in site.qos),
            account_required=bool(site.account.required),
            account_suffixes=tuple(dict.fromkeys(p.account_suffix or "" for p in site.partitions)),
            qos_required=bool(site.qos_rule.required),
            reservations=tuple(
                MiniReservation(name=part.reservation, node=nodes[Shape.of(partition)].names[-1])
                for partition in site.partitions
                for part in partition.gpu_slices
                if part.reservation
            ),
            project_qos_minutes=site.project_qos.max_walltime_minutes if site.project_qos else None,
        )

    @property
    def enforces_accounts(self) -> bool:
        """Whether only people who were given an account may send jobs."""
        return self.account_required or self.qos_required or bool(self.qos)

    @property
    def node_names(self) -> tuple[str, ...]:
        """The names of all the nodes."""
        return tuple(name for nodes in self.nodes for name in nodes.names)

    @property
    def gpus(self) -> int:
        """The most GPUs that any node has."""
        return max(nodes.shape.gpus for nodes in self.nodes)


def _nodes(partitions: Iterable[Partition]) -> Iterable[tuple[Shape, MiniNodes]]:
    """Two nodes of every shape with GPUs, so that one can fail, and one of any other."""
    count = 0
    for shape in dict.fromkeys(map(Shape.of, partitions)):
        wanted = 2 if shape.gpus else 1
        names = tuple(f"n{count + number}" for number in range(1, wanted + 1))
        count += wanted
        yield shape, MiniNodes(names=names, shape=shape)


def _qos(qos: Qos, site: Site) -> MiniQos:
    return MiniQos(
        name=qos.name,
        max_walltime_minutes=qos.max_walltime_minutes,
        flags="DenyOnLimit,PartitionTimeLimit" if site.overrides_partitions(qos) else "DenyOnLimit",
    )


def _allowed_qos(site: Site, partition: Partition) -> tuple[str, ...]:
    """The partition's own QOS, where every job must name one and each is known to belong somewhere."""
    if not site.qos_rule.required or not all(qos.partitions for qos in site.qos):
        return ()
    return tuple(qos.name for qos in site.qos if partition.name in qos.partitions)
