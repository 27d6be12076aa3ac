"""What each partition of a PBS site has free now, from two questions for everybody."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hpcampus_spawner.offers import Offers, PartitionOffer, Room
from hpcampus_spawner.pbs_jobs import read_answer
from hpcampus_spawner.site import Partition


def parse_offers(partitions: Iterable[Partition], queues_json: str, nodes_json: str) -> Offers:
    """What is free by partition, from `qstat -Q -f -F json` and `pbsnodes -a -F json`: whole nodes only.

    A partition is either all nodes with a resource, or a queue: the nodes that belong to it, or, where none
    does, those that belong to no queue. A closed queue has none. Raises `SchedulerError`.
    """
    queues = read_answer(queues_json, "Queue")
    nodes = read_answer(nodes_json, "nodes").values()
    return Offers({p.name: _offer(_nodes_of(p, queues, nodes)) for p in partitions})


def _offer(nodes: list[Mapping[str, Any]]) -> PartitionOffer:
    shapes = Counter(_shape(node) for node in nodes if _is_free(node))
    rooms = (
        Room(nodes=count, cpus=cpus, gpus={"gpu": gpus} if gpus else {})
        for (cpus, gpus), count in shapes.items()
    )
    return PartitionOffer(open=bool(nodes), total=len(nodes), idle=sum(shapes.values()), rooms=tuple(rooms))


def _shape(node: Mapping[str, Any]) -> tuple[int, int]:
    """The node's CPUs and GPUs; what it doesn't say is none."""
    cpus, gpus = (str(_resources(node).get(name, 0)) for name in ("ncpus", "ngpus"))
    return int(cpus) if cpus.isdigit() else 0, int(gpus) if gpus.isdigit() else 0


def _nodes_of(
    partition: Partition, queues: Mapping[str, Mapping[str, Any]], nodes: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    if partition.select is not None:
        name, _, value = partition.select.partition("=")
        return [node for node in nodes if str(_resources(node).get(name)) == value]
    queue = queues.get(partition.name, {})
    if any(str(queue.get(key)) != "True" for key in ("enabled", "started")):
        return []
    own = [node for node in nodes if partition.name in _queues(node)]
    return own or [node for node in nodes if not _queues(node)]


def _is_free(node: Mapping[str, Any]) -> bool:
    """Whether the whole node is up and has no job on it."""
    return node.get("state") == "free" and not node.get("jobs")


def _queues(node: Mapping[str, Any]) -> set[str]:
    """The queues that a node belongs to: by its queue, or by the resource that many sites call Qlist."""
    return {*str(_resources(node).get("Qlist", "")).split(","), str(node.get("queue", ""))} - {""}


def _resources(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = node.get("resources_available")
    return found if isinstance(found, dict) else {}
