"""What is free and when a job would start: asked rarely, remembered, and nobody waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_spawner import availability as module
from hpcampus_spawner import estimates as estimates_module
from hpcampus_spawner.availability import STALE, Availability
from hpcampus_spawner.estimates import Estimates
from hpcampus_spawner.offers import Offers, PartitionOffer
from hpcampus_spawner.request import JobRequest
from spawning import ScriptedScheduler, until

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
REQUEST = JobRequest(partition="cpu", cpus=1, memory_mib=1, walltime_minutes=10)


@pytest.fixture
def scheduler() -> ScriptedScheduler:
    return ScriptedScheduler(offered=Offers({"cpu": PartitionOffer(open=True)}))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions may follow one another at once."""
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.0)


async def answered(availability: Availability) -> None:
    async def has_answer() -> bool:
        return availability.look() is not None

    await until(has_answer, "an answer")


async def test_looking_does_not_wait_and_asks_once_for_all(scheduler: ScriptedScheduler) -> None:
    release = asyncio.Event()

    async def slowly() -> None:
        await release.wait()

    scheduler.on_answer = slowly
    availability = Availability(scheduler)
    assert [availability.look() for _ in range(100)] == [None] * 100
    release.set()
    await answered(availability)
    seen = [availability.look() for _ in range(100)]
    assert all(one is not None and one.offers == scheduler.offered for one in seen)
    assert scheduler.looks == 1


@pytest.mark.usefixtures("impatient")
async def test_who_comes_first_finds_figures_too(
    scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.01)
    running = asyncio.create_task(Availability(scheduler).run())

    async def asked_again() -> bool:
        return scheduler.looks >= 3

    await until(asked_again, "it is asked though nobody looks")
    running.cancel()


@pytest.mark.usefixtures("impatient")
async def test_the_last_good_answer_stays_with_its_age(scheduler: ScriptedScheduler) -> None:
    availability = Availability(scheduler)
    await availability.ask()
    good = availability.look()
    assert good is not None
    scheduler.silent = True
    await availability.ask()
    kept = availability.look()
    assert kept is not None
    assert (kept.offers, kept.taken, kept.problem) == (good.offers, good.taken, "no answer")
    assert kept.age(good.taken + timedelta(hours=1)) == timedelta(hours=1)
    assert not kept.current(good.taken)
    scheduler.silent = False
    await availability.ask()
    again = availability.look()
    assert again is not None
    assert (again.problem, availability.problem) == (None, None)


async def test_old_figures_are_not_current_though_nothing_failed(scheduler: ScriptedScheduler) -> None:
    availability = Availability(scheduler)
    await availability.ask()
    seen = availability.look()
    assert seen is not None
    assert seen.current(seen.taken + STALE / 2)
    assert not seen.current(seen.taken + STALE)


async def test_a_scheduler_that_fails_is_asked_no_more_often(scheduler: ScriptedScheduler) -> None:
    scheduler.silent = True
    availability = Availability(scheduler)
    await availability.ask()
    assert availability.look() is None
    assert availability.problem == "no answer"
    await asyncio.sleep(0)
    assert scheduler.looks == 1


async def test_an_error_nobody_foresaw_is_one_more_unknown(
    scheduler: ScriptedScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    scheduler.on_answer = broken
    availability = Availability(scheduler)
    await availability.ask()
    assert availability.problem == "internal error"
    assert "ZeroDivisionError" in caplog.text


async def test_one_estimate_for_all_who_want_the_same(scheduler: ScriptedScheduler) -> None:
    scheduler.starts = NOW
    estimates = Estimates(scheduler)
    because = REQUEST.model_copy(update={"explanation": ("why",)})
    guesses = await asyncio.gather(*(estimates.start_of(who, because) for who in ("ada", "ben", "carl")))
    assert guesses == [NOW] * 3
    assert await estimates.start_of("dora", REQUEST) == NOW
    assert scheduler.guesses == 1
    await estimates.start_of("ada", REQUEST.model_copy(update={"cpus": 2}))
    assert scheduler.guesses == 2


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates_module, "WAIT_SECONDS", 0.01)


@pytest.mark.usefixtures("hasty")
async def test_an_estimate_that_takes_long_or_fails_is_not_known(
    scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def slow(learner: str, request: JobRequest) -> datetime:
        await release.wait()
        return NOW

    estimates = Estimates(scheduler)
    monkeypatch.setattr(scheduler, "estimate", slow)
    assert await estimates.start_of("ada", REQUEST) is None
    release.set()

    async def known() -> bool:
        return await estimates.start_of("ada", REQUEST) == NOW

    await until(known, "the guess came later")
    failing = ScriptedScheduler(silent=True)
    assert await Estimates(failing).start_of("ada", REQUEST) is None
