"""What a real Slurm has free, its reservations, its guess of a start, and what is left when it dies."""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from every_site import LESSON, SECONDS, Desk, an_allocation
from hpcampus_hub.twin.commands import run
from hpcampus_hub.twin.waiting import wait_for
from hpcampus_spawner.admission import Admission
from hpcampus_spawner.availability import Availability
from hpcampus_spawner.commands import LocalCommands
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.placement import place
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.ways import Root
from hpcampus_spawner.wishes import Wishes
from spawning import until
from twins import people, running_twin, site

pytestmark = pytest.mark.slurm

LEARNER = "twin-yan"
BOOST, OTHER = "boost_usr_prod", "lrd_all_serial"
LEONARDO = site("leonardo")


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """A learner at LEONARDO's twin."""
    with people(LEARNER), running_twin(LEONARDO) as twin:
        twin.add_people([LEARNER], an_allocation(LEONARDO))
        yield Desk(LEONARDO, twin, LEARNER)


@pytest.fixture
def scheduler(desk: Desk) -> SlurmScheduler:
    environment = desk.twin.environment
    return SlurmScheduler(Launcher(Root(environment)), LocalCommands(environment))


def reserve(desk: Desk, name: str, *what: str) -> None:
    run(["scontrol", "create", "reservation", f"ReservationName={name}", *what], desk.twin.environment)


async def test_what_jobs_take_is_no_longer_offered(desk: Desk, scheduler: SlurmScheduler) -> None:
    before = (await scheduler.offers()).partitions[BOOST]
    assert (before.total, before.idle, before.free_gpus) == (2, 2, {"gpu:a100": 8})
    request = match(Needs(cpus=16, gpus=3, memory_gib=8), LEONARDO, an_allocation(LEONARDO))
    job = await desk.send(request)
    desk.running(job)
    offers = await scheduler.offers()
    after = offers.partitions[BOOST]
    assert (after.idle, after.mixed, after.free_gpus) == (1, 1, {"gpu:a100": 5})
    assert after.free_cpus == before.free_cpus - request.cpus
    assert offers.takes(request) == 1
    second = await desk.send(request)
    desk.running(second)
    offers = await scheduler.offers()
    assert offers.takes(request) == 0
    assert offers.takes(match(LESSON, LEONARDO, an_allocation(LEONARDO))) == 2
    # Both ask for an hour, so the first to end makes room.
    starts = await scheduler.estimate(LEARNER, request)
    assert starts is not None
    assert timedelta(minutes=50) < starts - datetime.now(UTC) < timedelta(minutes=70)
    for one in (job, second):
        await desk.cancel(one)
    assert wait_for(lambda: not desk.twin._jobs(), SECONDS)


async def test_an_estimate_of_what_cannot_run_is_not_known(scheduler: SlurmScheduler) -> None:
    request = match(LESSON, LEONARDO, an_allocation(LEONARDO))
    assert await scheduler.estimate(LEARNER, request.model_copy(update={"account": "nobodys"})) is None


async def test_reservations_come_with_times_and_people(desk: Desk, scheduler: SlurmScheduler) -> None:
    reserve(desk, "class", "StartTime=now", "Duration=60", "Nodes=n1", "Accounts=course1")
    reserve(desk, "later", "StartTime=now+7200", "Duration=60", "Nodes=n2", f"Users={LEARNER}")
    reserve(desk, "care", "StartTime=now+18000", "Duration=60", "Flags=MAINT", "Nodes=ALL", "Users=root")
    availability = Availability(scheduler)

    async def kept() -> bool:
        await availability.ask()
        seen = availability.look()
        return seen is not None and seen.offers.partitions[BOOST].idle == 1

    await until(kept, "slurmctld keeps the node of the reservation")
    seen, now = availability.look(), datetime.now(UTC)
    assert seen is not None
    active, later, care = (seen.offers.reservation(name) for name in ("class", "later", "care"))
    assert active is not None
    assert later is not None
    assert care is not None
    assert (active.active(now), later.active(now), care.maintenance) == (True, False, True)
    assert active.admits(LEARNER, "course1")
    assert not active.admits(LEARNER, "course2")
    assert later.admits(LEARNER, None)
    # A session gets in, and lands on the node that is kept for it.
    admission = Admission(needs=LESSON, allocation=an_allocation(LEONARDO), session="class")
    request = place(LEARNER, admission, LEONARDO, seen, now)
    assert request.reservation == "class"
    assert seen.offers.takes(request) == 1
    job = desk.running(await desk.send(request))
    assert (job["NodeList"], job["Reservation"]) == ("n1", "class")
    long = admission.needs.model_copy(update={"walltime_minutes": 600})
    wish = Admission(needs=long, allocation=an_allocation(LEONARDO), wishes=Wishes(partition=BOOST))
    assert "Maintenance from" in place(LEARNER, wish, LEONARDO, seen, now).explanation[-1]
    await desk.cancel(job["JobId"])


async def test_nodes_and_partitions_that_are_down_offer_nothing(
    desk: Desk, scheduler: SlurmScheduler
) -> None:
    environment = desk.twin.environment
    run(["scontrol", "update", "nodename=n4", "state=drain", "reason=a|b State=IDLE"], environment)
    run(["scontrol", "update", "partitionname=dcgp_usr_prod", "state=down"], environment)
    offers = await scheduler.offers()
    assert (offers.partitions[OTHER].down, offers.partitions[OTHER].free_cpus) == (1, 0)
    assert not offers.partitions["dcgp_usr_prod"].open


async def test_when_slurmctld_is_killed_the_last_good_figures_stay_with_their_age(
    desk: Desk, scheduler: SlurmScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Last, because nothing works afterwards."""
    availability = Availability(scheduler)
    await availability.ask()
    good = availability.look()
    assert good is not None
    os.kill(desk.twin.pids["slurmctld"], signal.SIGKILL)
    monkeypatch.setattr("hpcampus_spawner.commands.QUERY_SECONDS", 1)
    await availability.ask()
    kept = availability.look()
    assert kept is not None
    assert (kept.offers, kept.taken) == (good.offers, good.taken)
    assert kept.problem
    assert not kept.current(datetime.now(UTC))
