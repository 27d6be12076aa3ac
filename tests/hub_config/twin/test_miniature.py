from typing import Any

from hpcampus_hub.twin.miniature import STAND_IN_CPUS, STAND_IN_MEMORY_MIB, Miniature
from hpcampus_spawner.site import Site


def made_up(*partitions: dict[str, Any], **facts: Any) -> Site:
    return Site.model_validate(
        {
            "id": "made-up",
            "factory": "none",
            "system": "Made up",
            "scheduler": {"kind": "slurm"},
            "partitions": partitions,
            "gpu_request": "gres",
            "confidence": "none",
            **facts,
        }
    )


GPU = {"name": "gpu", "cpus": 32, "memory_gib": 512, "gpus": 4, "gpu_type": "a100"}
CPU = {"name": "cpu", "cpus": 128, "memory_gib": 256, "gpus": 0}


def test_partitions_of_one_shape_share_their_nodes_and_others_do_not() -> None:
    small = Miniature.of(made_up(GPU, {**GPU, "name": "debug", "max_walltime_minutes": 30}, CPU))
    assert [mini.nodes.names for mini in small.partitions] == [("n1", "n2"), ("n1", "n2"), ("n3",)]
    assert small.node_names == ("n1", "n2", "n3")


def test_nodes_are_written_as_slurm_counts_them() -> None:
    small = Miniature.of(made_up(GPU, {**GPU, "name": "untyped", "gpu_type": None}, CPU))
    assert [mini.nodes.gres for mini in small.partitions] == ["gpu:a100:4", "gpu:4", None]
    assert small.gpus == 4


def test_schedulable_memory_counts_where_it_is_known() -> None:
    known, advertised = Miniature.of(made_up({**GPU, "schedulable_memory_mib": 494000}, CPU)).partitions
    assert known.nodes.shape.memory_mib == 494000
    assert known.memory_per_cpu_mib == 15437
    assert advertised.nodes.shape.memory_mib == 256 * 1024


def test_a_size_that_nobody_published_gets_the_stand_in_and_no_gpu() -> None:
    (unknown,) = Miniature.of(made_up({"name": "viz", "gpu_type": "t4"})).partitions
    assert unknown.nodes.shape == (STAND_IN_CPUS, STAND_IN_MEMORY_MIB, 0, None, None)
    assert unknown.nodes.gres is None
    assert not unknown.size_is_published


def test_only_a_site_with_account_or_qos_rules_enforces_accounts() -> None:
    assert not Miniature.of(made_up(CPU)).enforces_accounts
    assert Miniature.of(made_up(CPU, account={"required": True})).enforces_accounts
    assert Miniature.of(made_up(CPU, qos=[{"name": "long"}])).enforces_accounts


def test_a_qos_longer_than_every_partition_overrides_the_partition() -> None:
    limited = {**CPU, "max_walltime_minutes": 60}
    qos = [{"name": "long", "max_walltime_minutes": 61}, {"name": "short", "max_walltime_minutes": 60}]
    long, short = Miniature.of(made_up(limited, qos=qos)).qos
    assert "PartitionTimeLimit" in long.flags
    assert "PartitionTimeLimit" not in short.flags


def test_a_qos_never_overrides_a_partition_without_a_limit() -> None:
    qos = [{"name": "long", "max_walltime_minutes": 61}]
    unlimited = [CPU, {**CPU, "name": "short", "max_walltime_minutes": 60}]
    (long,) = Miniature.of(made_up(*unlimited, qos=qos)).qos
    assert "PartitionTimeLimit" not in long.flags


def test_the_cluster_is_named_after_the_site() -> None:
    assert Miniature.of(made_up(CPU)).cluster == "made_up"
