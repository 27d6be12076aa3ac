"""What a file, and what the campus arranged, say otherwise than a cluster that is described here."""

from typing import Any

import pytest
from every_site import ALL_SITES
from hpcampus_hub.deployment import Allocations
from hpcampus_hub.live_site import LiveSite
from hpcampus_hub.site_differences import PRIVATE_DATA, differences
from hpcampus_spawner.site import GpuSlice, Partition, Qos
from spawning import a_site


def found(partition: Partition, arranged: dict[str, Any] | None = None, **facts: Any) -> list[str]:
    """Differences of a site with that partition and a cluster that has the same, and those facts."""
    live = {
        "version": None,
        "partitions": (partition,),
        "qos": (),
        "gres": {},
        "accounts": (),
        "reservations": (),
        "private_data": (),
    }
    cluster = LiveSite.model_validate({**live, **facts})
    return list(differences(a_site(partition), cluster, Allocations.model_validate(arranged or {})))


GPU = Partition(name="gpu", gpus=4, gpu_type="a100")


def test_the_same_is_no_difference() -> None:
    assert found(GPU, gres={"gpu": {"gpu:a100"}}) == []
    assert found(GPU, gres={"gpu": {"gpu"}}) == []
    # One other kind is the partition's own gpu_type, which is compared with the rest of it.
    assert found(GPU, gres={"gpu": {"gpu:h100"}}) == []


def test_other_kinds_of_gpus_in_a_partition_are_named() -> None:
    gres = {"gpu": {"gpu:a100", "gpu:v100", "gpu:h100"}, "cpu": {"gpu:l4"}}
    assert found(GPU, gres=gres) == ["gpu: its nodes also have GPUs of type h100, v100."]


@pytest.mark.parametrize(
    ("request_", "gres", "missing"),
    [
        ("typed-gres", {"gpu:a100", "gpu:1g.10gb"}, None),
        ("typed-gres", {"gpu:a100"}, "gpu:1g.10gb"),
        ("shard", {"gpu:a100", "shard"}, None),
        ("shard", {"gpu:a100"}, "shard"),
        ("gpus", {"gpu:a100"}, None),
    ],
)
def test_slices_are_there_as_they_are_asked_for(request_: Any, gres: set[str], missing: str | None) -> None:
    part = GpuSlice(name="1g.10gb", request=request_, cpus=2, memory_gib=8)
    sentences = found(GPU.model_copy(update={"gpu_slices": (part,)}), gres={"gpu": gres})
    expected = f"gpu: slice 1g.10gb: no node there has the GRES {missing}."
    assert sentences == ([expected] if missing else [])


def test_the_reservation_of_a_slice_is_there() -> None:
    berzelius = ALL_SITES["berzelius"].partitions[0]
    assert berzelius.gpu_slices[0].reservation == "1g.10gb"
    (sentence,) = found(berzelius)
    assert "no reservation 1g.10gb" in sentence
    assert found(berzelius, reservations={"1g.10gb"}) == []


ARRANGED = {
    "courses": {"numba": {"account": "tra1", "qos": "training", "reservation": "monday"}},
    "groups": {"people": "euhpc1"},
}


def test_what_campus_yaml_names_is_there() -> None:
    there = {"accounts": {"tra1", "euhpc1"}, "reservations": {"monday"}, "qos": (Qos(name="training"),)}
    assert found(GPU, ARRANGED, **there) == []
    sentence = "campus.yaml: {}: the cluster has no {} {}, or doesn't show it."
    assert found(GPU, ARRANGED) == [
        sentence.format("course numba", "account", "tra1"),
        sentence.format("course numba", "QOS", "training"),
        sentence.format("course numba", "reservation", "monday"),
        sentence.format("group people", "account", "euhpc1"),
    ]


def test_an_account_is_looked_for_by_the_name_that_is_charged() -> None:
    partition = GPU.model_copy(update={"account_suffix": "@h100"})
    groups = {"groups": {"people": "abc"}}
    assert found(partition, groups, accounts={"abc@h100"}) == []
    (sentence,) = found(partition, groups, accounts={"abc"})
    assert "no account abc@h100" in sentence


@pytest.mark.parametrize("flag", PRIVATE_DATA)
def test_what_a_cluster_hides_is_said_with_what_it_means(flag: str) -> None:
    (sentence,) = found(GPU, private_data={flag, "usage", "none"})
    assert sentence.startswith("Give the hub's account Slurm's operator level.")
    assert PRIVATE_DATA[flag] in sentence
