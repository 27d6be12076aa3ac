"""The rules of sites in the match: QOS, budgets, whole nodes, shares, slices, and what is only announced."""

from typing import Any

import pytest
from every_site import ALL_SITES, LESSON, an_allocation, answer, any_needs
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import NothingFits, match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.site import Partition, Site
from hpcampus_spawner.wishes import Wishes
from hypothesis import given
from hypothesis import strategies as st

GPU: dict[str, Any] = {"name": "gpu", "cpus": 32, "memory_gib": 64, "gpus": 4, "gpu_vendor": "nvidia"}
CPU: dict[str, Any] = {"name": "cpu", "cpus": 8, "memory_gib": 16, "gpus": 0}
ONE_GPU = Needs(cpus=2, memory_gib=4, gpus=1)


def a_site(*partitions: dict[str, Any], **facts: Any) -> Site:
    basis = {"id": "small", "factory": "none", "system": "SMALL", "scheduler": {"kind": "slurm"}}
    return Site.model_validate({**basis, "partitions": partitions, "confidence": "none", **facts})


def refusal(needs: Needs, site: Site, *given: Any, **wish: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        match(needs, site, *given, **wish)
    return refused.value


@pytest.mark.parametrize("site_id", ["daedalus", "litai", "ro-aif"])
def test_an_announced_site_says_what_is_missing(site_id: str) -> None:
    site = ALL_SITES[site_id]
    refused = refusal(LESSON, site, Allocation(account="a"))
    assert refused.reason == "announced"
    assert site.name in refused.sentence
    assert "nobody has published its scheduler" in refused.sentence


def test_whole_nodes_are_asked_for_whole() -> None:
    site = a_site({**GPU, "exclusive": True})
    request = match(ONE_GPU, site)
    assert (request.exclusive, request.cpus, request.gpus) == (True, 32, 4)
    assert "whole nodes only" in request.explanation[0]


def test_a_node_of_ones_own_is_taken_only_when_none_can_be_shared() -> None:
    site = a_site({**GPU, "name": "whole", "exclusive": True}, GPU, CPU)
    assert match(ONE_GPU, site).partition == "gpu"


def test_every_gpu_brings_its_share_of_the_node() -> None:
    request = match(ONE_GPU, a_site({**GPU, "cpus_per_gpu": 8, "memory_gib_per_gpu": 15}))
    assert (request.cpus, request.memory_mib) == (8, 15 * 1024)
    assert "8 cores come with each GPU" in request.explanation[0]
    more = match(Needs(cpus=20, memory_gib=40, gpus=2), a_site({**GPU, "cpus_per_gpu": 8}))
    assert (more.cpus, more.memory_mib) == (20, 40 * 1024)


def test_where_memory_follows_cores_more_memory_means_more_cores() -> None:
    request = match(Needs(cpus=1, memory_gib=4.1), a_site(CPU, memory_follows_cpus=True))
    assert (request.cpus, request.memory_mib) == (3, None)


def test_a_project_is_charged_by_the_name_of_the_partitions_budget() -> None:
    site = a_site({**GPU, "account_suffix": "@h100"}, account={"required": True})
    assert match(ONE_GPU, site, Allocation(account="abc")).account == "abc@h100"
    assert match(ONE_GPU, site, Allocation(account="abc@h100")).account == "abc@h100"


def test_the_explanation_says_who_pays_and_why() -> None:
    site = a_site(GPU, account={"required": True})
    (sentence,) = match(ONE_GPU, site, Allocation(account="tra24", reason="course x")).explanation
    assert sentence == "gpu: 1 of 4 GPUs; 2 CPUs and 4 GiB for 1 h; account tra24 because of course x."


QOS = [
    {"name": "short", "max_walltime_minutes": 60},
    {"name": "long", "max_walltime_minutes": 600},
    {"name": "usual", "max_walltime_minutes": 120, "default": True},
    {"name": "other", "partitions": ["cpu"]},
]


@pytest.mark.parametrize(
    ("minutes", "qos"), [(30, "usual"), (120, "usual"), (121, "long"), (600, "long"), (601, None)]
)
def test_a_required_qos_is_the_default_or_the_first_that_is_long_enough(
    minutes: int, qos: str | None
) -> None:
    site = a_site(GPU, CPU, qos=QOS, qos_rule={"required": True})
    needs = Needs(gpus=1, walltime_minutes=minutes)
    if qos is not None:
        assert match(needs, site).qos == qos
    else:
        assert "601 minutes asked for, 1 to 600 possible" in refusal(needs, site).sentence


def test_no_qos_is_named_where_none_is_required_and_none_is_given() -> None:
    site = a_site(GPU, qos=QOS[:3])
    assert match(ONE_GPU, site).qos is None
    assert match(ONE_GPU, site, Allocation(qos="short")).qos == "short"


def test_a_qos_of_ones_own_counts_with_its_limit_and_its_partitions() -> None:
    site = a_site(GPU, CPU, qos=QOS)
    hour = Needs(gpus=1, walltime_minutes=61)
    assert "1 to 60 possible" in refusal(hour, site, Allocation(qos="short")).sentence
    assert "QOS other isn't for this partition" in refusal(ONE_GPU, site, Allocation(qos="other")).sentence
    assert match(Needs(), site, Allocation(qos="other")).partition == "cpu"


@pytest.mark.parametrize(("partition", "qos", "longest"), [(90, "short", 60), (40, "short", 40)])
def test_the_shorter_of_two_limits_counts(partition: int, qos: str, longest: int) -> None:
    unlimited = {**CPU, "max_walltime_minutes": None}
    site = a_site({**GPU, "max_walltime_minutes": partition}, unlimited, qos=QOS[:3])
    needs = Needs(gpus=1, walltime_minutes=longest)
    assert match(needs, site, Allocation(qos=qos)).partition == "gpu"
    longer = needs.model_copy(update={"walltime_minutes": longest + 1})
    assert f"1 to {longest} possible" in refusal(longer, site, Allocation(qos=qos)).sentence


def test_a_qos_that_is_longer_than_all_partitions_lifts_their_limits() -> None:
    site = a_site({**GPU, "max_walltime_minutes": 60}, qos=QOS[:3])
    day = Needs(gpus=1, walltime_minutes=500)
    assert "1 to 60 possible" in refusal(day, site).sentence
    assert match(day, site, Allocation(qos="long")).walltime_minutes == 500


def test_where_each_project_has_a_qos_nobody_starts_without_it() -> None:
    site = a_site(GPU, qos_rule={"required": True}, project_qos={"max_walltime_minutes": 240})
    assert refusal(ONE_GPU, site).reason == "qos"
    assert match(ONE_GPU, site, Allocation(qos="mine")).qos == "mine"
    long = Needs(gpus=1, walltime_minutes=241)
    assert "1 to 240 possible" in refusal(long, site, Allocation(qos="mine")).sentence


def test_a_reservation_and_a_constraint_reach_the_request() -> None:
    request = match(ONE_GPU, a_site({**GPU, "constraint": "a100"}), Allocation(reservation="class1"))
    assert (request.constraint, request.reservation) == ("a100", "class1")


def test_the_type_of_a_gpu_is_named_only_where_the_site_wants_that() -> None:
    typed = {**GPU, "gpu_type": "a100"}
    assert match(ONE_GPU, a_site(typed, gpu_request="gres")).gpu_type is None
    request = match(ONE_GPU, a_site(typed, gpu_request="typed-gres"))
    assert (request.gpu_request, request.gpu_type) == ("typed-gres", "a100")


SLICE = {"name": "1g.10gb", "request": "typed-gres", "reservation": "mig", "cpus": 2, "memory_gib": 32}


def test_a_slice_is_taken_by_work_for_which_it_is_enough() -> None:
    site = a_site({**GPU, "cpus_per_gpu": 8, "gpu_slices": [SLICE]}, gpu_request="gpus")
    enough = ONE_GPU.model_copy(update={"gpu_slice": True})
    request = match(enough, site)
    assert (request.gpu_request, request.gpu_type, request.gpus) == ("typed-gres", "1g.10gb", 1)
    assert (request.reservation, request.cpus) == ("mig", 2)
    assert "a slice 1g.10gb of a GPU" in request.explanation[0]
    for whole in (ONE_GPU, *(enough.model_copy(update=more) for more in ({"cpus": 3}, {"gpus": 2}))):
        assert match(whole, site).gpu_request == "gpus"


def test_nodes_that_are_not_for_notebooks_are_never_chosen() -> None:
    site = a_site({**GPU, "not_for_notebooks": "it is for pictures"}, CPU)
    assert match(ONE_GPU.model_copy(update={"runs_without_gpu": True}), site).partition == "cpu"
    refused = refusal(ONE_GPU, site, wishes=Wishes(partition="gpu"))
    assert refused.sentence == "gpu is not for notebooks: it is for pictures. Choose from: cpu."


def test_work_on_the_cpu_keeps_off_nodes_that_want_gpus_used() -> None:
    refused = refusal(Needs(), a_site({**GPU, "gpu_required": True}))
    assert "takes only jobs that ask for a GPU" in refused.sentence
    assert "What would work: 1 GPUs" in refused.sentence


def test_a_gpu_of_another_maker_is_left_to_others_and_the_learner_is_told() -> None:
    site = a_site({**GPU, "gpu_vendor": "amd"}, CPU)
    needs = Needs(gpus=1, gpu_vendor="nvidia", runs_without_gpu=True)
    request = match(needs, site)
    assert (request.partition, request.gpus) == ("cpu", 0)
    assert "No NVIDIA GPU on SMALL" in request.explanation[0]


def test_gpus_that_nobody_counted_are_there_all_the_same() -> None:
    site = a_site(CPU, {"name": "gpu", "gpu_model": "NVIDIA H100"})
    assert match(ONE_GPU.model_copy(update={"runs_without_gpu": True}), site).partition == "gpu"


def test_a_refusal_says_what_would_work_and_it_would() -> None:
    site = a_site({**GPU, "max_walltime_minutes": 90}, CPU)
    needs = Needs(gpus=7, cpus=50, memory_gib=100, walltime_minutes=600)
    refused = refusal(needs, site)
    assert "What would work: 4 GPUs, 32 CPUs and 64 GiB for 1.5 h on gpu." in refused.sentence
    assert isinstance(refused, NothingFits)
    assert refused.nearest is not None
    assert match(refused.nearest, site).partition == "gpu"


@given(any_needs, st.sampled_from(list(ALL_SITES.values())), st.booleans())
def test_every_site_answers_every_need_with_a_job_or_a_reason(
    needs: Needs, site: Site, has_account: bool
) -> None:
    allocation = an_allocation(site) if has_account else None
    request = answer(needs, site, allocation)
    if isinstance(request, Refused):
        assert request.sentence.endswith(".")
        if isinstance(request, NothingFits) and request.nearest is not None:
            match(request.nearest, site, allocation)
        return
    partition = site.partition(request.partition)
    assert isinstance(partition, Partition)
    assert partition.not_for_notebooks is None
    assert request.cpus >= min(needs.cpus, partition.cpus or needs.cpus)
    assert request.gpus >= needs.gpus or needs.runs_without_gpu
    assert request.account is not None or not site.account.required
    assert request.qos is not None or not site.qos_rule.required
    assert request.explanation[-1].startswith(f"{request.partition}: ")


@pytest.mark.parametrize("site_id", [name for name, site in ALL_SITES.items() if not site.announced])
def test_no_site_that_is_open_refuses_lesson_1(site_id: str) -> None:
    site = ALL_SITES[site_id]
    assert match(LESSON, site, an_allocation(site)).walltime_minutes == 60
