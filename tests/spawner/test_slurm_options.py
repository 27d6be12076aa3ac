"""A request as options of sbatch: each way to ask for GPUs, and none that the launcher wouldn't let pass."""

from typing import Any

import pytest
from hpcampus_spawner import launcher
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Submission
from hpcampus_spawner.slurm import sbatch_options

SPAWN_ID = "f" * 32


def options(**facts: Any) -> set[str]:
    """The options of a request that depend on it alone."""
    basis = {"partition": "gpu", "cpus": 2, "memory_mib": 4096, "walltime_minutes": 60}
    request = JobRequest.model_validate({**basis, **facts})
    submission = Submission(SPAWN_ID, f"hpcampus:0a:{SPAWN_ID}", request, script="", ticket="")
    chosen = sbatch_options(submission)
    assert all(launcher.allowed(option) for option in chosen)
    plain = {"--job-name=hpcampus", f"--comment=hpcampus:0a:{SPAWN_ID}", "--partition=gpu", "--time=60"}
    assert plain <= set(chosen)
    return set(chosen) - plain - {"--cpus-per-task=2"}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, None),
        ({"gpus": 2}, "--gres=gpu:2"),
        ({"gpus": 2, "gpu_request": "gres", "gpu_type": "a100"}, "--gres=gpu:a100:2"),
        ({"gpus": 2, "gpu_request": "typed-gres", "gpu_type": "a100"}, "--gres=gpu:a100:2"),
        ({"gpus": 1, "gpu_request": "typed-gres", "gpu_type": "1g.10gb"}, "--gres=gpu:1g.10gb:1"),
        ({"gpus": 2, "gpu_request": "typed-gres"}, "--gres=gpu:2"),
        ({"gpus": 1, "gpu_request": "shard"}, "--gres=shard:1"),
        ({"gpus": 2, "gpu_request": "gpus"}, "--gpus=2"),
        ({"gpus": 2, "gpu_request": "gpus", "gpu_type": "a100"}, "--gpus=a100:2"),
        ({"gpus": 2, "gpu_request": "gpus-per-node"}, "--gpus-per-node=2"),
        ({"gpus": 4, "gpu_request": "whole-node"}, None),
        ({"gpus": 0, "gpu_request": "gpus"}, None),
    ],
)
def test_gpus_are_asked_for_in_the_sites_own_way(facts: dict[str, Any], said: str | None) -> None:
    assert options(**facts) == {"--mem=4096M"} | ({said} if said else set())


def test_a_whole_node_comes_with_all_of_its_memory() -> None:
    assert options(exclusive=True) == {"--mem=0", "--exclusive"}


def test_memory_that_follows_the_cores_is_not_named() -> None:
    assert options(memory_mib=None) == set()


def test_account_qos_reservation_and_constraint_are_named_when_there_are_some() -> None:
    facts = {"account": "abc@h100", "qos": "long", "reservation": "class1", "constraint": "h100"}
    assert options(**facts) == {"--mem=4096M", *(f"--{name}={value}" for name, value in facts.items())}


@pytest.mark.parametrize("value", ["a b", "a,b", "a&b", "a|b", "[a*2]", "-a", "", "a\n", "a=b", "$(id)"])
@pytest.mark.parametrize("name", ["reservation", "constraint", "gpus", "gpus-per-node", "account"])
def test_the_launcher_lets_no_expression_pass(name: str, value: str) -> None:
    assert not launcher.allowed(f"--{name}={value}")


@pytest.mark.parametrize("option", ["--exclusive=user", "--exclusive ", "--exclusive\n", "--overcommit"])
def test_the_launcher_lets_no_other_flag_pass(option: str) -> None:
    assert not launcher.allowed(option)
