from typing import Any

from hpcampus_hub.twin.miniature import STAND_IN_CPUS, STAND_IN_GPUS, STAND_IN_MEMORY_MIB, Miniature
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


def test_gpus_that_nobody_counted_get_a_stand_in() -> None:
    small = Miniature.of(made_up({"name": "gpu", "cpus": 8, "memory_gib": 64, "gpu_model": "NVIDIA H100"}))
    (gpu,) = small.partitions
    assert gpu.nodes.gres == f"gpu:{STAND_IN_GPUS}"
    assert not gpu.size_is_published


def test_the_feature_that_jobs_name_makes_a_shape_of_its_own() -> None:
    small = Miniature.of(made_up(GPU, {**GPU, "name": "thin", "constraint": "thin"}))
    assert [mini.nodes.shape.feature for mini in small.partitions] == [None, "thin"]
    assert [mini.nodes.names for mini in small.partitions] == [("n1", "n2"), ("n3", "n4")]


def test_a_partition_takes_only_its_own_qos_where_jobs_must_name_one() -> None:
    qos = [{"name": "fast", "partitions": ["gpu"]}, {"name": "slow", "partitions": ["gpu", "cpu"]}]
    rule = {"required": True}
    assert [mini.qos for mini in Miniature.of(made_up(GPU, CPU, qos=qos)).partitions] == [(), ()]
    small = Miniature.of(made_up(GPU, CPU, qos=qos, qos_rule=rule))
    assert [mini.qos for mini in small.partitions] == [("fast", "slow"), ("slow",)]
    anywhere = Miniature.of(made_up(GPU, CPU, qos=[*qos, {"name": "any"}], qos_rule=rule))
    assert [mini.qos for mini in anywhere.partitions] == [(), ()]


def test_every_budget_of_a_project_is_an_account_of_its_own() -> None:
    small = Miniature.of(made_up({**GPU, "account_suffix": "@gpu"}, CPU, {**CPU, "name": "cpu2"}))
    assert small.account_suffixes == ("@gpu", "")


def test_slices_are_kept_on_a_node_of_their_own() -> None:
    part = {"name": "1g", "request": "gpus", "reservation": "mig", "cpus": 2, "memory_gib": 8}
    (kept,) = Miniature.of(made_up(CPU, {**GPU, "gpu_slices": [part]})).reservations
    assert (kept.name, kept.node) == ("mig", "n3")
