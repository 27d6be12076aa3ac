"""A class that starts at once: a few submissions at a time, and everybody knows their place."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hpcampus_spawner.scheduler import JobState, JobStatus
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.turns import AT_ONCE, Turns
from small_hub import SmallHub, starting
from spawning import until


async def test_those_who_wait_have_places_and_go_in_order() -> None:
    turns, order = Turns(at_once=1), list[str]()

    async def take(name: str) -> None:
        async with turns.turn(name):
            order.append(name)

    async with turns.turn("first"):
        others = [asyncio.create_task(take(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        assert [turns.place(name) for name in ("first", "second", "third")] == [None, 1, 2]
    await asyncio.gather(*others)
    assert order == ["second", "third"]
    assert turns.place("third") is None


async def test_one_who_gives_up_keeps_nobody_waiting() -> None:
    turns = Turns(at_once=1)
    async with turns.turn("first"):
        second = asyncio.create_task(turns.turn("second").__aenter__())
        await asyncio.sleep(0)
        third = asyncio.create_task(turns.turn("third").__aenter__())
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert turns.place("third") == 1
    await asyncio.wait_for(third, 60)


async def test_a_class_that_leaves_is_cancelled_a_few_at_a_time(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, real = 0, 0, hub.scheduler.cancel

    async def count(learner: str, job_id: str) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        await real(learner, job_id)
        hub.scheduler.known[job_id] = JobStatus(job_id, JobState.GONE, "CANCELLED")
        at_once -= 1

    monkeypatch.setattr(hub.scheduler, "cancel", count)
    spawners = [hub.spawner(f"learner{number}") for number in range(AT_ONCE + 2)]

    async def all_have_jobs() -> bool:
        return all(spawner.job_id for spawner in spawners)

    async with AsyncExitStack() as starts:
        for spawner in spawners:
            await starts.enter_async_context(starting(spawner))
        await until(all_have_jobs, "all are submitted")
    await asyncio.gather(*(spawner.stop() for spawner in spawners))
    assert (len(hub.scheduler.cancelled), most) == (AT_ONCE + 2, AT_ONCE)


async def test_a_class_is_submitted_a_few_at_a_time_and_the_page_says_so(hub: SmallHub) -> None:
    entered, let_go = list[None](), asyncio.Event()

    async def slow() -> None:
        entered.append(None)
        await let_go.wait()

    hub.scheduler.on_submit = slow
    spawners = [hub.spawner(f"learner{number}") for number in range(AT_ONCE + 2)]

    async def all_are_here() -> bool:
        last: BatchSpawner = spawners[-1]
        return len(entered) == AT_ONCE and "number 2 to be handed" in last.whereabouts()["message"]

    async def all_have_jobs() -> bool:
        return all(spawner.job_id for spawner in spawners)

    async with AsyncExitStack() as starts:
        for spawner in spawners:
            await starts.enter_async_context(starting(spawner))
        await until(all_are_here, "four are being submitted, and two wait")
        assert len(hub.ledger.all_live("small")) == AT_ONCE + 2  # no crash of the hub loses one that waits
        let_go.set()
        await until(all_have_jobs, "all are submitted")
