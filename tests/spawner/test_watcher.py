"""The watcher: one question for everybody, and never a false death."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hpcampus_spawner import watcher as watching
from hpcampus_spawner.scheduler import JobState, JobStatus
from hpcampus_spawner.watcher import Watcher
from spawning import ScriptedScheduler, pending, running, until


@pytest.fixture
def scheduler() -> ScriptedScheduler:
    return ScriptedScheduler({"1": running("1"), "2": pending("2")})


@pytest.fixture
def watcher(scheduler: ScriptedScheduler) -> Watcher:
    return Watcher(scheduler)


@asynccontextmanager
async def watched(watcher: Watcher) -> AsyncIterator[None]:
    task = asyncio.create_task(watcher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def state(watcher: Watcher, job_id: str, since: float = 0.0) -> JobState | None:
    status = watcher.status(job_id, since)
    return status.state if status else None


async def test_hundreds_who_wait_share_one_question(watcher: Watcher, scheduler: ScriptedScheduler) -> None:
    waiting = [asyncio.create_task(watcher.tick()) for _ in range(300)]
    await asyncio.sleep(0)
    async with watched(watcher):
        await asyncio.wait_for(asyncio.gather(*waiting), 60)
        assert scheduler.questions == 1


async def test_before_the_first_answer_nothing_is_known(watcher: Watcher) -> None:
    assert watcher.latest is None
    assert watcher.status("1", 0.0) is None


async def test_an_error_changes_nothing_but_is_said(watcher: Watcher, scheduler: ScriptedScheduler) -> None:
    await watcher.ask()
    before = watcher.latest
    scheduler.silent = True
    for _ in range(5):
        await watcher.ask()
    assert watcher.problem == "no answer"
    assert watcher.latest is before
    assert state(watcher, "1") is JobState.RUNNING
    scheduler.silent = False
    await watcher.ask()
    assert watcher.problem is None


async def test_gone_needs_two_good_answers(watcher: Watcher, scheduler: ScriptedScheduler) -> None:
    await watcher.ask()
    del scheduler.known["1"]
    await watcher.ask()
    assert state(watcher, "1") is None
    scheduler.silent = True
    await watcher.ask()
    assert state(watcher, "1") is None
    scheduler.silent = False
    await watcher.ask()
    assert state(watcher, "1") is JobState.GONE
    scheduler.known["1"] = running("1")
    await watcher.ask()
    assert state(watcher, "1") is JobState.RUNNING


async def test_answers_to_questions_before_the_submission_say_nothing(watcher: Watcher) -> None:
    await watcher.ask()
    await watcher.ask()
    latest = watcher.latest
    assert latest is not None
    submitted = latest.asked + 0.001
    assert state(watcher, "3", submitted) is None
    assert state(watcher, "3", 0.0) is JobState.GONE


async def test_a_terminal_state_needs_no_second_answer(
    watcher: Watcher, scheduler: ScriptedScheduler
) -> None:
    scheduler.known["1"] = JobStatus("1", JobState.GONE, "NODE_FAIL")
    await watcher.ask()
    status = watcher.status("1", since=0.0)
    assert status is not None
    assert (status.state, status.word) == (JobState.GONE, "NODE_FAIL")


async def test_it_asks_faster_while_somebody_waits(
    watcher: Watcher, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 3600)
    monkeypatch.setattr(watching, "BUSY_SECONDS", 0.01)

    async def asked(times: int) -> bool:
        return scheduler.questions >= times

    async with watched(watcher):
        await until(lambda: asked(1), "the first question")
        with watcher.waiting():
            await until(lambda: asked(5), "many questions")
    assert watcher.latest is not None


async def test_a_nudge_is_answered_at_once(
    watcher: Watcher, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 3600)

    async def asked(times: int) -> bool:
        return scheduler.questions == times

    async with watched(watcher):
        await until(lambda: asked(1), "the first question")
        watcher.nudge()
        await until(lambda: asked(2), "the second question")


async def test_something_unforeseen_is_not_the_end(
    watcher: Watcher, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "QUIET_SECONDS", 0.01)

    async def broken() -> dict[str, JobStatus]:
        raise ZeroDivisionError

    real = scheduler.jobs
    monkeypatch.setattr(scheduler, "jobs", broken)
    async with watched(watcher):
        await asyncio.wait_for(watcher.tick(), 60)
        assert watcher.problem == "internal error"
        monkeypatch.setattr(scheduler, "jobs", real)

        async def answered() -> bool:
            return watcher.latest is not None

        await until(answered, "the watcher recovers")
    assert watcher.problem is None
