"""The embedded scheduler with real processes: a queue in one file that outlives the hub."""

# ruff: noqa: ASYNC240 - the queue's file is small, and a test has the loop for itself

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hpcampus_spawner import local
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.local import LocalScheduler
from hpcampus_spawner.scheduler import JobState, Submission
from spawning import SECRET, a_submission, until

FOR_EVER = "#!/bin/bash\necho started\nexec sleep 600\n"
Open = Callable[[], LocalScheduler]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queue.json"


@pytest.fixture
async def reopen(launcher: Launcher, file: Path) -> AsyncIterator[Open]:
    """Opens the queue anew, as a hub does that starts; nothing of it runs when the test is over."""

    def open_queue() -> LocalScheduler:
        return LocalScheduler(launcher, file, cpus=2)

    yield open_queue
    last = open_queue()
    for job_id in await last.jobs():
        await last.cancel("ada", job_id)
        await last.cancel("ben", job_id)
    await until(lambda: over(last), "all jobs have ended")


@pytest.fixture
def scheduler(reopen: Open) -> LocalScheduler:
    return reopen()


async def over(scheduler: LocalScheduler) -> bool:
    return all(job.state is JobState.GONE for job in (await scheduler.jobs()).values())


async def states(scheduler: LocalScheduler) -> dict[str, JobState]:
    return {job_id: job.state for job_id, job in (await scheduler.jobs()).items()}


async def runs(scheduler: LocalScheduler, job_id: str) -> bool:
    return (await states(scheduler))[job_id] is JobState.RUNNING


async def gone(scheduler: LocalScheduler, job_id: str) -> None:
    async def is_gone() -> bool:
        return (await scheduler.jobs())[job_id].state is JobState.GONE

    await until(is_gone, f"job {job_id} is gone")


def stored(file: Path) -> list[dict[str, object]]:
    jobs: list[dict[str, object]] = json.loads(file.read_text())
    return jobs


def store(file: Path, job: dict[str, object], **changes: object) -> None:
    file.write_text(json.dumps([job | changes]))


async def test_the_queue_is_first_come_first_served_and_shows_the_place(scheduler: LocalScheduler) -> None:
    ids = [await scheduler.submit("ada", a_submission(FOR_EVER, cpus=cpus)) for cpus in (1, 2, 1)]
    jobs = await scheduler.jobs()
    assert list(jobs) == ids
    assert [job.state for job in jobs.values()] == [JobState.RUNNING, JobState.PENDING, JobState.PENDING]
    # The third would fit beside the first, but nobody jumps the queue.
    assert [job.place for job in jobs.values()] == [None, 1, 2]
    first, second, third = jobs.values()
    assert second.starts == first.ends
    assert third.starts is None
    assert (first.node, second.node, second.reason) == ("local", "", "Resources")


async def test_a_job_that_ends_makes_room_for_the_next(scheduler: LocalScheduler) -> None:
    first = await scheduler.submit("ada", a_submission("true\n", cpus=2))
    second = await scheduler.submit("ben", a_submission(FOR_EVER, cpus=2))
    await gone(scheduler, first)

    async def runs() -> bool:
        return (await states(scheduler))[second] is JobState.RUNNING

    await until(runs, "the second job runs")


class HangingHome(Launcher):
    """A launcher that answers for ada when her home is back."""

    def __init__(self, launcher: Launcher) -> None:
        super().__init__(launcher._way)
        self.back = asyncio.Event()

    async def order(self, learner: str, verb: str, **fields: Any) -> dict[str, Any]:
        if learner == "ada":
            await self.back.wait()
        return await super().order(learner, verb, **fields)


async def test_a_home_that_hangs_holds_up_nobody_else(
    reopen: Open, launcher: Launcher, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "PATIENCE_SECONDS", 0.1)
    hanging = HangingHome(launcher)
    scheduler = LocalScheduler(hanging, file, cpus=2)

    async with asyncio.timeout(60):
        adas = await scheduler.submit("ada", a_submission(FOR_EVER))
        bens = await scheduler.submit("ben", a_submission(FOR_EVER))
        await until(lambda: runs(scheduler, bens), "ben's job runs")
        assert (await states(scheduler))[adas] is JobState.PENDING
        hanging.back.set()
        await until(lambda: runs(scheduler, adas), "ada's runs, too")


async def test_cancelling_a_pending_job_frees_its_place_at_once(
    scheduler: LocalScheduler, homes: Path
) -> None:
    running, waiting = [await scheduler.submit("ada", a_submission(FOR_EVER, cpus=2)) for _ in range(2)]
    await scheduler.cancel("ada", waiting)
    assert await states(scheduler) == {running: JobState.RUNNING, waiting: JobState.GONE}
    assert len(list((homes / "ada" / ".hpcampus" / "spawns").iterdir())) == 1


async def test_cancelling_a_running_job_ends_its_process(scheduler: LocalScheduler, file: Path) -> None:
    job_id = await scheduler.submit("ada", a_submission(FOR_EVER))
    pid = stored(file)[0]["pid"]
    assert Path(f"/proc/{pid}").exists()
    await scheduler.cancel("ada", job_id)
    assert (await states(scheduler))[job_id] in (JobState.ENDING, JobState.GONE)
    await gone(scheduler, job_id)
    assert (await scheduler.jobs())[job_id].word == "CANCELLED"


async def test_nobody_cancels_anothers_job(scheduler: LocalScheduler) -> None:
    job_id = await scheduler.submit("ada", a_submission(FOR_EVER))
    await scheduler.cancel("ben", job_id)
    assert await states(scheduler) == {job_id: JobState.RUNNING}
    await scheduler.cancel("ada", "999")


async def test_jobs_and_their_order_survive_the_hub(scheduler: LocalScheduler, reopen: Open) -> None:
    submissions = [a_submission(FOR_EVER, cpus=2) for _ in range(3)]
    ids = [await scheduler.submit("ada", submission) for submission in submissions]
    before = await scheduler.jobs()
    again = reopen()
    assert await again.jobs() == before
    assert [await again.find("ada", submission.tag) for submission in submissions] == ids
    assert await again.find("ben", submissions[0].tag) is None
    await again.cancel("ada", ids[0])
    await gone(again, ids[0])
    assert (await states(again))[ids[1]] is JobState.RUNNING


async def test_the_queue_is_private_and_keeps_no_secret_longer_than_it_must(
    scheduler: LocalScheduler, file: Path
) -> None:
    await scheduler.submit("ada", a_submission(FOR_EVER, cpus=2))
    assert SECRET not in file.read_text()
    waiting = await scheduler.submit("ada", a_submission(FOR_EVER, cpus=2))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await scheduler.cancel("ada", waiting)
    assert SECRET not in file.read_text()
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == [file.name]


@pytest.mark.parametrize(
    ("script", "word", "code"), [("exit 0\n", "COMPLETED", 0), ("echo no; exit 3\n", "FAILED", 3)]
)
async def test_how_a_job_ended(scheduler: LocalScheduler, script: str, word: str, code: int) -> None:
    submission = a_submission(script)
    job_id = await scheduler.submit("ada", submission)
    await gone(scheduler, job_id)
    ending = await scheduler.ending("ada", job_id, submission.spawn_id)
    assert (ending.word, ending.exit_code) == (word, code)
    assert ("no" in ending.log) == bool(code)


async def test_when_its_time_is_over_a_job_ends_and_says_so(scheduler: LocalScheduler) -> None:
    submission = a_submission(FOR_EVER)
    short = submission.request.model_copy(update={"walltime_minutes": 0.5 / 60 * 2})
    submission = Submission(**{**vars(submission), "request": short})
    job_id = await scheduler.submit("ada", submission)
    await gone(scheduler, job_id)
    ending = await scheduler.ending("ada", job_id, submission.spawn_id)
    assert (ending.word, ending.exit_code) == ("TIMEOUT", 124)
    assert (await scheduler.jobs())[job_id].word == "TIMEOUT"


async def test_a_job_that_cannot_start_is_said_and_holds_up_nobody(
    scheduler: LocalScheduler, homes: Path
) -> None:
    homes.mkdir()
    (homes / "ada").mkdir()
    (homes / "ada" / ".hpcampus").write_text("a file where a folder should be")
    bad = await scheduler.submit("ada", a_submission(FOR_EVER, cpus=2))
    good = await scheduler.submit("ben", a_submission(FOR_EVER, cpus=2))
    jobs = await scheduler.jobs()
    assert (jobs[bad].state, jobs[bad].word) == (JobState.GONE, "LAUNCH_FAILED")
    assert jobs[good].state is JobState.RUNNING


async def test_a_hub_that_died_before_it_heard_the_answer_starts_the_job_only_once(
    scheduler: LocalScheduler, reopen: Open, file: Path
) -> None:
    await scheduler.submit("ada", a_submission("echo once >> ~/starts\n" + FOR_EVER, cpus=2))
    (job,) = stored(file)
    # The file as it was when the order to start went out.
    store(file, job, word="PENDING", pid=None, born=None, started=None, script="exit 1", ticket="{}")
    again = reopen()
    assert (await states(again)) == {"1": JobState.RUNNING}
    assert stored(file)[0]["pid"] == job["pid"]


async def test_somebody_who_stops_waiting_loses_no_process(scheduler: LocalScheduler, file: Path) -> None:
    submission = a_submission(FOR_EVER)
    submitting = asyncio.create_task(scheduler.submit("ada", submission))

    async def queued() -> bool:
        return file.exists()

    await until(queued, "the job is in the queue")
    submitting.cancel()
    await asyncio.wait([submitting])
    assert submitting.cancelled()
    job_id = await scheduler.find("ada", submission.tag)
    assert job_id is not None
    await scheduler.cancel("ada", job_id)
    await gone(scheduler, job_id)
    # It was started all the same, so it had to be known in order to be stopped.
    assert stored(file)[0]["pid"] is not None


async def test_a_number_is_never_given_twice(
    scheduler: LocalScheduler, reopen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "KEPT", timedelta(0))
    first = await scheduler.submit("ada", a_submission("true\n"))
    await gone(scheduler, first)
    await scheduler.jobs()
    again = reopen()
    assert await again.submit("ada", a_submission(FOR_EVER)) == "2"
    assert list(await again.jobs()) == ["2"]


async def test_a_pid_that_was_used_again_is_not_the_job(
    scheduler: LocalScheduler, reopen: Open, file: Path
) -> None:
    job_id = await scheduler.submit("ada", a_submission("true\n"))
    await gone(scheduler, job_id)
    (job,) = stored(file)
    store(file, job, word="RUNNING", ended=None, pid=os.getpid())
    again = reopen()
    assert await states(again) == {job_id: JobState.GONE}


async def test_a_node_of_the_embedded_scheduler_is_this_machine(scheduler: LocalScheduler) -> None:
    assert await scheduler.address("local") == "127.0.0.1"


async def test_times_are_aware(scheduler: LocalScheduler) -> None:
    await scheduler.submit("ada", a_submission(FOR_EVER, minutes=30))
    (job,) = (await scheduler.jobs()).values()
    assert job.ends is not None
    assert timedelta(minutes=29) < job.ends - datetime.now(UTC) <= timedelta(minutes=30)


async def test_what_is_free_is_what_nobody_uses_or_waits_for(scheduler: LocalScheduler) -> None:
    async def free() -> int:
        return (await scheduler.offers()).partitions["local"].free_cpus

    request = a_submission(minutes=30).request
    assert await free() == 2
    first = await scheduler.submit("ada", a_submission(FOR_EVER, cpus=1, minutes=30))
    assert await free() == 1
    waiting = await scheduler.submit("ben", a_submission(FOR_EVER, cpus=2))
    assert await free() == 0
    assert await scheduler.estimate("carl", request) is None
    await scheduler.cancel("ben", waiting)
    assert await free() == 1
    starts = await scheduler.estimate("carl", request)
    assert starts is not None
    assert timedelta(0) < starts - datetime.now(UTC) <= timedelta(minutes=30)
    await scheduler.cancel("ada", first)
    await gone(scheduler, first)
    assert await free() == 2
