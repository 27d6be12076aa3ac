"""The match of needs and offers: the right partition, and a refusal that says what would work."""

import pytest
from hpcampus_hub.settings import SITES
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.offers import Offers, PartitionOffer, Room
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Partition, Site
from hpcampus_spawner.wishes import Wishes
from hypothesis import given
from hypothesis import strategies as st
from spawning import a_site

CPU = Partition(name="cpu", cpus=8, memory_gib=16, gpus=0, max_walltime_minutes=120)
GPU = Partition(name="gpu", cpus=32, memory_gib=64, gpus=4, gpu_vendor="nvidia", max_walltime_minutes=60)
AMD = Partition(name="amd", cpus=32, memory_gib=64, gpus=8, gpu_vendor="amd", max_walltime_minutes=60)
UNKNOWN = Partition(name="unknown")
LESSON = Needs(cpus=2, memory_gib=4, gpus=1, walltime_minutes=60, runs_without_gpu=True)


def test_the_first_lesson_on_leonardo_gets_one_gpu_of_the_booster() -> None:
    request = match(LESSON, Site.load(SITES / "leonardo.yaml"), Allocation(account="course_0"))
    assert request == JobRequest(
        partition="boost_usr_prod",
        account="course_0",
        cpus=8,
        memory_mib=4096,
        gpus=1,
        walltime_minutes=60,
        explanation=request.explanation,
    )
    assert "1 of 4 GPUs" in request.explanation[0]
    assert "course_0" in request.explanation[0]


def test_the_first_lesson_on_a_laptop_runs_on_the_cpu_and_says_so() -> None:
    request = match(LESSON, Site.load(SITES / "local.yaml"))
    assert (request.partition, request.gpus) == ("local", 0)
    assert "No GPU" in request.explanation[0]
    assert "CPU" in request.explanation[0]


@pytest.mark.parametrize(
    ("needs", "partition"),
    [
        (Needs(cpus=2), "cpu"),  # keeps off the GPU nodes
        (Needs(cpus=16), "gpu"),  # unless nothing else is large enough
        (Needs(cpus=2, gpus=2), "gpu"),
        (Needs(cpus=2, gpus=2, gpu_vendor="amd"), "amd"),
        (Needs(cpus=2, gpus=6), "amd"),
        (Needs(cpus=2, walltime_minutes=120), "cpu"),
        (Needs(cpus=8, memory_gib=16), "cpu"),  # the limits themselves still fit
        (Needs(cpus=8, memory_gib=16.01), "gpu"),
    ],
)
def test_work_goes_where_it_fits(needs: Needs, partition: str) -> None:
    assert match(needs, a_site(GPU, CPU, AMD)).partition == partition


def test_the_sites_default_comes_first_among_equals() -> None:
    default = CPU.model_copy(update={"name": "default", "default": True})
    assert match(Needs(), a_site(CPU, default)).partition == "default"


def test_a_fact_that_nobody_published_refuses_nothing() -> None:
    request = match(Needs(cpus=500, gpus=7, memory_gib=9000, walltime_minutes=10_000), a_site(UNKNOWN))
    assert (request.partition, request.gpus) == ("unknown", 7)


def test_a_wish_for_a_partition_is_kept() -> None:
    assert match(Needs(), a_site(CPU, GPU), wishes=Wishes(partition="gpu")).partition == "gpu"


@pytest.mark.parametrize(
    ("needs", "wish", "said"),
    [
        (Needs(gpus=99), None, ["99 GPUs on a node", "at most 4 possible"]),
        (Needs(cpus=64), None, ["64 CPUs on a node", "1 to 8 possible", "1 to 32 possible"]),
        (Needs(memory_gib=65), None, ["66560 MiB", "1 to 65536 possible"]),
        (Needs(walltime_minutes=121), None, ["121 minutes", "1 to 120 possible"]),
        (Needs(gpus=1, gpu_vendor="amd"), None, ["needs amd GPUs, has nvidia"]),
        (Needs(), "dcgp", ["no partition of that name", "cpu, gpu"]),
        (Needs(gpus=1), "cpu", ["1 GPUs on a node", "at most 0 possible"]),
    ],
)
def test_a_refusal_says_what_would_work(needs: Needs, wish: str | None, said: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        match(needs, a_site(CPU, GPU), wishes=Wishes(partition=wish))
    for words in said:
        assert words in refused.value.sentence


def test_where_jobs_are_charged_nobody_starts_without_an_account() -> None:
    site = a_site(CPU, account_required=True)
    with pytest.raises(Refused) as refused:
        match(Needs(), site)
    assert refused.value.reason == "account"
    assert match(Needs(), site, Allocation(account="p1")).account == "p1"


numbers = st.none() | st.integers(1, 64)
partitions = st.builds(
    Partition,
    name=st.sampled_from(["a", "b", "c"]),
    cpus=numbers,
    memory_gib=numbers,
    gpus=st.none() | st.integers(0, 8),
    gpu_vendor=st.sampled_from([None, "nvidia", "amd"]),
    max_walltime_minutes=numbers,
    default=st.booleans(),
)
sites = st.lists(partitions, min_size=1, max_size=3, unique_by=lambda p: p.name).map(lambda ps: a_site(*ps))
needs = st.builds(
    Needs,
    cpus=st.integers(1, 80),
    memory_gib=st.integers(1, 80),
    gpus=st.integers(0, 10),
    gpu_vendor=st.sampled_from([None, "nvidia", "amd"]),
    walltime_minutes=st.integers(1, 80),
    runs_without_gpu=st.booleans(),
)


@given(needs, sites)
def test_whatever_is_matched_fits_the_partition(needs: Needs, site: Site) -> None:
    try:
        request = match(needs, site)
    except Refused:
        return
    chosen = site.partition(request.partition)
    assert chosen is not None
    assert request.cpus <= (chosen.cpus or request.cpus)
    assert request.memory_mib <= (chosen.memory_mib or request.memory_mib)
    assert request.walltime_minutes <= (chosen.max_walltime_minutes or request.walltime_minutes)
    assert request.gpus <= (request.gpus if chosen.gpus is None else chosen.gpus)
    assert request.gpus == needs.gpus or needs.runs_without_gpu
    if request.gpus and needs.gpu_vendor and chosen.gpu_vendor and chosen.gpus:
        assert chosen.gpu_vendor == needs.gpu_vendor


TYPED = {
    "a100": Partition(name="old", cpus=32, gpus=4, gpu_type="a100"),
    "h100": Partition(name="new", cpus=32, gpus=4, gpu_type="h100"),
}
UNTYPED = Partition(name="any", cpus=32, gpus=4)


def test_a_type_of_gpu_that_was_wished_for_decides_the_partition() -> None:
    for gpu_type, partition in TYPED.items():
        request = match(Needs(gpus=1), a_site(*TYPED.values()), wishes=Wishes(gpu_type=gpu_type))
        assert (request.partition, request.gpu_type) == (partition.name, gpu_type)
        assert f"1 of 4 {gpu_type} GPUs" in request.explanation[-1]


def test_a_type_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refused, match="It has: a100, h100"):
        match(Needs(gpus=1), a_site(*TYPED.values()), wishes=Wishes(gpu_type="v100"), offers=Offers())


def test_types_that_only_the_scheduler_knows_can_be_wished_for() -> None:
    offers = Offers({"any": PartitionOffer(open=True, rooms=(Room(1, 32, gpus={"gpu:l4": 0, "shard": 4}),))})
    site, wish = a_site(UNTYPED), Wishes(gpu_type="l4")
    assert match(Needs(gpus=1), site, wishes=wish, offers=offers).gpu_type == "l4"
    with pytest.raises(Refused, match="It has: l4"):
        match(Needs(gpus=1), site, wishes=Wishes(gpu_type="h100"), offers=offers)
    # Nobody has said which types there are: the scheduler decides.
    assert match(Needs(gpus=1), site, wishes=wish).gpu_type == "l4"


def test_a_reservation_that_was_wished_for_stands_before_the_projects() -> None:
    usual = Allocation(reservation="usual")
    assert match(Needs(), a_site(), usual).reservation == "usual"
    request = match(Needs(), a_site(), usual, Wishes(reservation="today"))
    assert request.reservation == "today"
    assert "reservation today" in request.explanation[-1]
