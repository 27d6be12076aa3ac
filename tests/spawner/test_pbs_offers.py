"""Free nodes of a PBS site, by partition."""

import json
from typing import Any

import pytest
from hpcampus_spawner.pbs_offers import parse_offers
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.site import Partition

OPEN = {"enabled": "True", "started": "True"}
PARTITIONS = (
    Partition(name="mi300a", select="node_type=mi300a"),
    Partition(name="test"),
    Partition(name="single"),
    Partition(name="closed"),
    Partition(name="nonesuch"),
)
QUEUES = {"test": OPEN, "single": OPEN, "closed": OPEN | {"started": "False"}}


def node(state: str = "free", queue: str = "", **facts: Any) -> dict[str, Any]:
    found = {"state": state, "resources_available": {"node_type": "mi300a", "ncpus": 96}, **facts}
    return found | ({"queue": queue} if queue else {})


NODES = {
    "n1": node(),
    "n2": node(jobs=["7.pbs01/0"]),
    "n3": node("down,offline"),
    "n4": node("job-exclusive", jobs=["8.pbs01/0"]),
    "n5": node(queue="test"),
    "n6": node(resources_available={"node_type": "genoa", "Qlist": "test,other"}),
    "n7": node(resources_available="?"),
}


def said(section: str, facts: object) -> str:
    return json.dumps({"pbs_server": "pbs01", section: facts})


def test_free_nodes_are_counted_by_kind_and_by_queue() -> None:
    found = parse_offers(PARTITIONS, said("Queue", QUEUES), said("nodes", NODES))
    assert {name: offer.idle for name, offer in found.partitions.items()} == {
        "mi300a": 2,
        "test": 2,
        "single": 2,
        "closed": 0,
        "nonesuch": 0,
    }
    assert (found.partitions["mi300a"].total, found.partitions["mi300a"].free_cpus) == (5, 192)
    assert not found.partitions["closed"].open
    request = JobRequest(partition="mi300a", cpus=96, memory_mib=None, walltime_minutes=1, exclusive=True)
    whole = request.model_copy(update={"gpus": 4, "gpu_request": "whole-node"})
    assert found.takes(request) == found.takes(whole) == 2
    assert found.takes(request.model_copy(update={"cpus": 97})) == 0


@pytest.mark.parametrize("bad", ["", '{"pbs_server": "pbs01", "Queue": []}'])
def test_a_bad_answer_is_unknown(bad: str) -> None:
    with pytest.raises(SchedulerError):
        parse_offers(PARTITIONS, bad, said("nodes", NODES))
    with pytest.raises(SchedulerError):
        parse_offers(PARTITIONS, said("Queue", QUEUES), bad.replace("Queue", "nodes"))
