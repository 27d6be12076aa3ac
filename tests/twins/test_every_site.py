"""Lesson 1 at every Slurm site: matched, sent as the hub sends it, and seen to get what it asked for.

The twin of each site is up for its own tests only; at the end a table says how long each took.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from every_site import LESSON, SLURM_SITES, Desk, an_allocation
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import SubmissionRefused
from hpcampus_spawner.site import Site
from twin_times import UP
from twins import people, running_twin

pytestmark = pytest.mark.slurm

LEARNER = "twin-zoe"

# Where lesson 1 lands: partition, account, QOS, and the CPUs and GPUs that it holds. LUMI has AMD GPUs, for
# which numba.cuda makes no code: there it runs on the CPU.
EXPECTED = {
    "arrhenius": ("gpu", "course1-gpu", None, 2, 1),
    "berzelius": ("berzelius", "course1", None, 2, 1),
    "discoverer": ("common", "course1", "course1-qos", 2, 1),
    "finisterrae3": ("medium", "course1", None, 32, 1),
    "helios": ("plgrid-gpu-gh200", "course1-gpu-gh200", None, 2, 1),
    "jean-zay": ("gpu_p6", "course1@h100", None, 24, 1),
    "jupiter": ("booster", "course1", None, 288, 4),
    "karolina": ("qgpu", "course1", None, 16, 1),
    "leonardo": ("boost_usr_prod", "course1", None, 8, 1),
    "lumi": ("small", "course1", None, 2, 0),
    "marenostrum5": ("acc", "course1", "acc_ehpc", 20, 1),
    "meluxina": ("gpu", "course1", "default", 64, 4),
    "musica": ("zen4_0768_h100x4", "course1", "zen4_0768_h100x4", 2, 1),
    "psnc": ("proxima", "course1", None, 2, 1),
    "snellius": ("gpu_h100", "course1", None, 2, 1),
    "vega": ("gpu", "course1", None, 2, 1),
}


@pytest.fixture(scope="module", params=SLURM_SITES)
def desk(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[Desk]:
    site = SLURM_SITES[request.param]
    with ExitStack() as stack:
        stack.enter_context(people(LEARNER))
        began = time.monotonic()
        twin = stack.enter_context(running_twin(site))
        twin.add_people([LEARNER], an_allocation(site))
        pytestconfig.stash[UP][site.id] = time.monotonic() - began
        yield Desk(site, twin, LEARNER)


def lesson(site: Site) -> JobRequest:
    return match(LESSON, site, an_allocation(site))


async def test_lesson_1_gets_what_it_needs_where_the_site_wants_it(desk: Desk) -> None:
    partition, account, qos, cpus, gpus = EXPECTED[desk.site.id]
    job_id = await desk.send(lesson(desk.site))
    job = desk.running(job_id)
    tres = dict(pair.split("=") for pair in job["TRES"].split(","))
    assert (job["Partition"], job["Account"]) == (partition, account)
    assert qos is None or job["QOS"] == qos
    assert (int(tres["cpu"]), int(tres.get("gres/gpu", 0))) == (cpus, gpus)
    assert job["TimeLimit"] == "01:00:00"
    assert job["NumNodes"] == "1"
    assert job["UserId"].startswith(f"{LEARNER}(")
    await desk.cancel(job_id)


async def test_any_gpu_will_do_for_work_that_names_no_maker(desk: Desk) -> None:
    request = match(Needs(cpus=2, memory_gib=4, gpus=1), desk.site, an_allocation(desk.site))
    job_id = await desk.send(request)
    tres = desk.running(job_id)["TRES"].split(",")
    assert f"gres/gpu={request.gpus}" in tres
    assert request.gpus >= 1
    await desk.cancel(job_id)


async def test_work_on_the_cpu_finds_its_place(desk: Desk) -> None:
    try:
        request = match(Needs(cpus=2, memory_gib=4), desk.site, an_allocation(desk.site))
    except Refused as refused:
        pytest.fail(refused.sentence)
    job_id = await desk.send(request)
    assert desk.running(job_id)["Partition"] == request.partition
    await desk.cancel(job_id)


async def test_without_an_account_nothing_starts_where_one_is_required(desk: Desk) -> None:
    if not desk.site.account.required:
        pytest.skip("this site doesn't say that jobs must name an account")
    with pytest.raises(Refused) as refused:
        match(LESSON, desk.site)
    assert refused.value.reason == "account"
    await refuses(desk, {"account": None}, "Invalid account or account/partition combination")
    await refuses(desk, {"account": "somebody-elses"}, "Invalid account or account/partition combination")


async def test_too_long_is_refused(desk: Desk) -> None:
    request = lesson(desk.site)
    limits = [p.max_walltime_minutes for p in desk.site.partitions if p.name == request.partition]
    of_qos = [q.max_walltime_minutes for q in desk.site.qos if q.name == request.qos]
    if desk.site.project_qos:
        of_qos.append(desk.site.project_qos.max_walltime_minutes)
    known = [minutes for minutes in limits + of_qos if minutes]
    if not known:
        pytest.skip("no time limit of this partition is published")
    too_long = LESSON.model_copy(update={"walltime_minutes": 100_000})
    with pytest.raises(Refused, match=r"100000 minutes asked for, 1 to \d+ possible.* What would work: "):
        match(too_long, desk.site, an_allocation(desk.site), partition=request.partition)
    await refuses(
        desk,
        {"walltime_minutes": min(known) + 1},
        "time limit is invalid|QOSMaxWallDurationPerJobLimit",
    )


async def test_a_wrong_or_missing_qos_is_refused(desk: Desk) -> None:
    if not (desk.site.qos or desk.site.qos_rule.required):
        pytest.skip("this site has no QOS that anybody published")
    await refuses(desk, {"qos": "nonesuch"}, "Invalid qos specification")
    if desk.site.qos_rule.required:
        # Where Slurm's own QOS is one of the site's, it is that one whose limits refuse.
        await refuses(desk, {"qos": None}, "Invalid qos specification|QOSMaxWallDurationPerJobLimit")


async def test_more_gpus_than_a_node_has_are_refused(desk: Desk) -> None:
    needs = Needs(gpus=99)
    place = match(Needs(gpus=1), desk.site, an_allocation(desk.site))
    partition = desk.site.partition(place.partition)
    assert partition is not None
    # A partition whose GPUs nobody has counted refuses no number of them.
    if all(p.gpus is not None for p in desk.site.partitions if p.has_gpus):
        with pytest.raises(Refused, match=r"99 GPUs on a node asked for, at most \d possible"):
            match(needs, desk.site, an_allocation(desk.site))
    with pytest.raises(SubmissionRefused, match="Requested node configuration is not available"):
        await desk.send(place.model_copy(update={"gpus": 99, "gpu_request": "gres"}))


async def refuses(desk: Desk, change: dict[str, object], sentence: str) -> None:
    """The site's own Slurm says no to lesson 1 with that change, in a sentence without its prefixes."""
    with pytest.raises(SubmissionRefused, match=sentence) as refused:
        await desk.send(lesson(desk.site).model_copy(update=change))
    assert "error:" not in str(refused.value)
