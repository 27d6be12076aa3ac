"""Free nodes of a PBS site, by partition."""

import json
from typing import Any

import pytest
from hpcampus_spawner.pbs_offers import free_nodes
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
    found = free_nodes(PARTITIONS, said("Queue", QUEUES), said("nodes", NODES))
    assert found == {"mi300a": 2, "test": 2, "single": 2, "closed": 0, "nonesuch": 0}


@pytest.mark.parametrize("bad", ["", '{"pbs_server": "pbs01", "Queue": []}'])
def test_a_bad_answer_is_unknown(bad: str) -> None:
    with pytest.raises(SchedulerError):
        free_nodes(PARTITIONS, bad, said("nodes", NODES))
    with pytest.raises(SchedulerError):
        free_nodes(PARTITIONS, said("Queue", QUEUES), bad.replace("Queue", "nodes"))
