"""The models of a site and of needs: frozen, strict, and clear about what is wrong."""

from pathlib import Path
from typing import Any

import pytest
from hpcampus_hub.settings import SITES
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.site import Partition, Site
from pydantic import ValidationError
from spawning import a_site

SMALLEST = """
id: small
factory: none
system: SMALL
scheduler: {kind: slurm}
partitions: [{name: cpu}]
confidence: none
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "small.yaml"


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_every_site_file_loads_and_is_named_by_its_id(path: Path) -> None:
    assert Site.load(path).id == path.stem


def test_what_nobody_published_stays_unknown(file: Path) -> None:
    file.write_text(SMALLEST)
    partition = Site.load(file).partitions[0]
    assert (partition.cpus, partition.gpus, partition.memory_mib, partition.max_walltime_minutes) == (
        None,
    ) * 4


def test_a_job_can_ask_for_what_the_scheduler_hands_out_not_for_what_the_node_has() -> None:
    assert Partition(name="a", memory_gib=1.5).memory_mib == 1536
    assert Partition(name="a", memory_gib=512, schedulable_memory_mib=494_000).memory_mib == 494_000


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (SMALLEST + "colour: red\n", "colour: Extra inputs are not permitted"),
        (SMALLEST.replace("{name: cpu}", "{name: cpu, cores: 4}"), "partitions.0.cores"),
        (SMALLEST.replace("{name: cpu}", "{name: cpu}, {name: cpu}"), "two partitions have the same name"),
        (SMALLEST + "qos: [{name: long, partitions: [gpu]}]\n", "a QOS names a partition that isn't there"),
        (SMALLEST.replace("{name: cpu}", '{name: "cpu --qos=vip"}'), "partitions.0.name"),
        (SMALLEST.replace("{name: cpu}", '{name: "cpu\\n"}'), "partitions.0.name"),
        (SMALLEST.replace("{name: cpu}", "{name: -cpu}"), "partitions.0.name"),
        (SMALLEST.replace("{name: cpu}", "{name: cpu, cpus: 0}"), "partitions.0.cpus"),
        (SMALLEST.replace("{name: cpu}", "{name: cpu, memory_gib: .inf}"), "partitions.0.memory_gib"),
        (SMALLEST.replace("[{name: cpu}]", "none"), "partitions"),
        (SMALLEST.replace("id: small", "id: Small Site"), "id"),
        ("- a list\n", "file: "),
        ("", "file: "),
        ("id: [", "expected"),
        ("!!python/object/apply:os.getpid []", "could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_named_with_the_field_that_is_wrong(file: Path, broken: str, said: str) -> None:
    file.write_text(broken)
    with pytest.raises(BadFile) as problem:
        Site.load(file)
    assert str(file) in str(problem.value)
    assert said in str(problem.value)


@pytest.mark.parametrize("content", [None, b"id: \xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(file: Path, content: bytes | None) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BadFile, match=r"small\.yaml"):
        Site.load(file)


@pytest.mark.parametrize(
    "needs",
    [
        {"cpus": 0},
        {"cpus": 1.5},
        {"memory_gib": 0},
        {"memory_gib": float("nan")},
        {"gpus": -1},
        {"gpu_vendor": "matrox"},
        {"walltime_minutes": 0},
        {"partition": "gpu"},
    ],
)
def test_needs_that_make_no_sense_are_errors(needs: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Needs.model_validate(needs)


@pytest.mark.parametrize("model", [Needs(), a_site(), Partition(name="cpu")], ids=lambda m: type(m).__name__)
def test_models_never_change(model: Needs | Site | Partition) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        model.cpus = 99  # type: ignore[union-attr,misc]
