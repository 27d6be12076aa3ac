"""The spawner with JupyterHub's own users and a scripted scheduler: starts, stops, adoption, races."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_spawner import job as job_module
from hpcampus_spawner import reconcile
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.offers import Offers, Reservation
from hpcampus_spawner.scheduler import JobState, JobStatus, SchedulerError, Submission, SubmissionRefused
from hpcampus_spawner.spawner import BatchSpawner
from small_hub import COURSE, SmallHub, starting
from spawning import pending, running, until

PORT = {"port": 40000}
URL = "http://127.0.0.1:40000"


def over(job_id: str, word: str = "FAILED") -> JobStatus:
    return JobStatus(job_id, JobState.GONE, word, node="n1")


async def submitted(spawner: BatchSpawner) -> None:
    async def has_job() -> bool:
        return bool(spawner.job_id)

    await until(has_job, "the job is known")


async def asked(hub: SmallHub, times: int = 2) -> None:
    """Wait until the scheduler was asked that often from now on."""
    enough = hub.scheduler.questions + times

    async def often_enough() -> bool:
        return hub.scheduler.questions >= enough

    await until(often_enough, "more questions")


async def start_up(hub: SmallHub, spawner: BatchSpawner) -> str:
    """Bring a server up as its job would."""
    async with starting(spawner) as start:
        await submitted(spawner)
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)
        assert answer.code == 200
        return await start


async def test_a_start_ends_with_where_the_job_listens(hub: SmallHub) -> None:
    spawner = hub.spawner()
    assert await start_up(hub, spawner) == URL
    row = hub.ledger.live("ada", COURSE)
    assert row is not None
    assert (row.job_id, row.port, row.options) == (spawner.job_id, 40000, {"course": COURSE, "site": "small"})
    assert await spawner.poll() is None


async def test_a_slow_submission_is_not_taken_for_a_job_that_is_gone(hub: SmallHub) -> None:
    spawner = hub.spawner()
    asking, submission_over = asyncio.Event(), asyncio.Event()

    async def late_answer() -> None:
        asking.set()
        await submission_over.wait()

    async def meanwhile() -> None:
        await asked(hub, 3)
        hub.scheduler.on_answer = late_answer
        await asking.wait()

    hub.scheduler.on_submit = meanwhile
    async with starting(spawner) as start:
        await submitted(spawner)
        submission_over.set()  # only now comes the answer to a question from before
        await asked(hub, 3)
        assert not start.done()
    assert hub.ledger.live("ada", COURSE) is not None


async def test_a_submission_whose_answer_got_lost_goes_on(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hub.scheduler.submit

    async def lost(learner: str, submission: Submission) -> str:
        await real(learner, submission)
        raise SchedulerError("Socket timed out")

    monkeypatch.setattr(hub.scheduler, "submit", lost)
    assert await start_up(hub, hub.spawner()) == URL
    assert len(hub.scheduler.submitted) == 1


async def test_a_scheduler_that_is_down_is_said_and_the_submission_is_not_forgotten(hub: SmallHub) -> None:
    hub.scheduler.silent = True
    with pytest.raises(SpawnFailed) as failed:
        await hub.spawner().start()
    assert (failed.value.status_code, failed.value.reason) == (503, "scheduler-unavailable")
    assert "try again in a few minutes" in failed.value.message
    assert [spawn.job_id for spawn in hub.ledger.unsettled("small")] == [None]


async def test_a_refusal_of_the_scheduler_is_shown(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(learner: str, submission: object) -> str:
        raise SubmissionRefused("Invalid qos specification")

    monkeypatch.setattr(hub.scheduler, "submit", refuse)
    with pytest.raises(SpawnFailed, match="SMALL refused the job: Invalid qos specification"):
        await hub.spawner().start()
    assert (hub.ledger.all_live("small"), hub.ledger.unsettled("small")) == ([], [])


async def test_a_job_that_ends_too_early_explains_itself(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await submitted(spawner)
        hub.scheduler.known[spawner.job_id] = over(spawner.job_id, "OUT_OF_MEMORY")
        with pytest.raises(SpawnFailed, match="more memory than it had asked for") as failed:
            await start
    assert "the &lt;end&gt; of the log" in (failed.value.jupyterhub_html_message or "")
    assert failed.value.reason == "out_of_memory"
    assert (hub.ledger.all_live("small"), hub.ledger.unsettled("small")) == ([], [])
    assert await spawner.poll() == 1


async def test_a_start_that_is_cancelled_while_it_is_submitted_leaves_no_job(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawner = hub.spawner()
    entered, late = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        entered.set()
        await late.wait()

    hub.scheduler.on_submit = slow
    async with starting(spawner):
        await asyncio.wait_for(entered.wait(), 60)
    # As JupyterHub does: the start is cancelled, then the server is stopped, which doesn't wait for ever.
    monkeypatch.setattr(job_module, "STOP_SECONDS", 0.01)
    await spawner.stop()
    await reconcile.settle(hub.cluster)
    (row,) = hub.ledger.unsettled("small")
    # sbatch was on its way all the time.
    hub.scheduler.tags[row.tag] = "9"
    hub.scheduler.known["9"] = running("9")
    await asked(hub)
    await reconcile.settle(hub.cluster)
    assert hub.scheduler.cancelled == [("ada", "9")]
    late.set()
    await until(lambda: asyncio.sleep(0, spawner.job_id), "the submission has ended")


async def test_a_stop_during_the_submission_cancels_what_comes_of_it(hub: SmallHub) -> None:
    """Nobody starts and stops so quickly that jobs pile up."""
    spawner = hub.spawner()
    entered, late = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        entered.set()
        await late.wait()

    hub.scheduler.on_submit = slow
    async with starting(spawner):
        await asyncio.wait_for(entered.wait(), 60)
    stop = asyncio.create_task(spawner.stop())
    late.set()

    async def cancelled() -> bool:
        return hub.scheduler.cancelled == [("ada", "1")]

    await until(cancelled, "the job is cancelled")
    assert not stop.done()
    hub.scheduler.known.clear()
    await stop


async def test_a_pending_job_is_adopted_with_its_secret(hub: SmallHub) -> None:
    before = hub.spawner()
    async with starting(before):
        await submitted(before)
        spawn_id, secret = before.spawn_id, hub.ticket(before)["secret"]
    await hub.restart()
    after = hub.spawner()
    async with starting(after) as start:
        await submitted(after)
        assert (after.spawn_id, after.job_id) == (spawn_id, "1")
        hub.scheduler.known["1"] = running("1")
        assert (await hub.report(spawn_id, secret, PORT)).code == 200
        assert await start == URL
    assert len(hub.scheduler.submitted) == 1


async def test_adoption_waits_for_a_scheduler_that_is_silent(hub: SmallHub) -> None:
    before = hub.spawner()
    async with starting(before):
        await submitted(before)
    await hub.restart()
    hub.scheduler.silent = True
    after = hub.spawner()
    async with starting(after) as start:
        await asked(hub, 3)
        assert not start.done()
        assert "your place is not lost" in after.whereabouts()["message"]
        hub.scheduler.silent = False
        await submitted(after)
        assert after.job_id == "1"
    assert len(hub.scheduler.submitted) == 1


async def test_a_server_that_had_reported_is_adopted_with_its_token(hub: SmallHub) -> None:
    before = hub.spawner()
    await start_up(hub, before)
    await hub.restart()
    hub.scheduler.silent = True
    after = hub.spawner()
    after.api_token = "a new one that the server will never hear of"
    async with starting(after) as start:
        await asked(hub)
        hub.scheduler.silent = False
        assert await start == URL
    assert after.api_token == before.api_token


async def test_a_spawn_that_never_became_a_job_is_submitted_anew(hub: SmallHub) -> None:
    before = hub.spawner()
    async with starting(before):
        await submitted(before)
    hub.scheduler.tags.clear()
    await hub.restart()
    after = hub.spawner()
    async with starting(after):
        await submitted(after)
        assert after.job_id == "2"
    assert after.spawn_id != before.spawn_id
    # Whatever became of the first is still to be found out.
    assert [spawn.spawn_id for spawn in hub.ledger.unsettled("small")] == [before.spawn_id]


async def test_a_running_server_is_found_again_from_its_state(hub: SmallHub) -> None:
    before = hub.spawner()
    await start_up(hub, before)
    state = before.get_state()
    await hub.restart()
    after = hub.spawner()
    after.load_state(state)
    assert await after.poll() is None
    assert (after.spawn_id, after.job_id, after.api_token) == (before.spawn_id, "1", "token-of-ada")
    hub.scheduler.silent = True
    await asked(hub)
    assert await after.poll() is None
    hub.scheduler.silent = False
    hub.scheduler.known.clear()

    async def gone() -> bool:
        return await after.poll() == 1

    await until(gone, "two good answers without the job")
    assert hub.ledger.live("ada", COURSE) is None


async def test_stopping_cancels_the_job_and_waits_until_it_is_gone(hub: SmallHub) -> None:
    spawner = hub.spawner()
    await start_up(hub, spawner)
    stop = asyncio.create_task(spawner.stop())

    async def cancelled() -> bool:
        return hub.scheduler.cancelled == [("ada", "1")]

    await until(cancelled, "the job is cancelled")
    await asked(hub, 3)
    assert not stop.done()
    hub.scheduler.known["1"] = over("1", "CANCELLED")
    await asyncio.wait_for(stop, job_module.STOP_SECONDS - 10)
    assert hub.ledger.live("ada", COURSE) is None


async def test_what_cannot_be_cancelled_now_is_cancelled_later(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "STOP_SECONDS", 0.1)
    spawner = hub.spawner()
    await start_up(hub, spawner)
    hub.scheduler.silent = True
    await spawner.stop()
    assert [spawn.job_id for spawn in hub.ledger.unsettled("small")] == ["1"]
    hub.scheduler.silent = False
    await asked(hub)
    await reconcile.settle(hub.cluster)
    assert hub.scheduler.cancelled == [("ada", "1")]


async def test_a_spawner_that_never_started_is_not_running(hub: SmallHub) -> None:
    assert await hub.spawner().poll() == 0
    await hub.spawner().stop()


async def test_whoever_waits_sees_every_change_and_nothing_twice(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await submitted(spawner)
        events = spawner.progress()
        hub.scheduler.known["1"] = pending("1", place=3)
        first = await anext(events)
        while first["queue"]["place"] != 3:
            first = await anext(events)
        hub.scheduler.known["1"] = pending("1", place=2)
        second = await anext(events)
        hub.scheduler.known["1"] = running("1", node="n7")
        third = await anext(events)
    assert [event["queue"]["place"] for event in (first, second, third)] == [3, 2, None]
    assert third["queue"]["node"] == "n7"
    assert first["queue"]["explanation"] == ["cpu: 2 CPUs and 4 GiB for 1 h."]


async def test_a_cancelled_start_is_never_announced_as_ready(hub: SmallHub) -> None:
    spawner = hub.spawner()
    ready = {"ready": True, "url": "/user/ada/"}
    assert spawner.progress_ready_hook(spawner, ready) == ready
    async with starting(spawner):
        await submitted(spawner)
    event = spawner.progress_ready_hook(spawner, ready)
    assert (event["failed"], event["message"]) == (True, "Spawn cancelled")


async def test_a_job_may_wait_for_weeks(hub: SmallHub) -> None:
    assert hub.spawner().start_timeout >= timedelta(weeks=4).total_seconds()
    assert "start_timeout" not in BatchSpawner.class_trait_names(config=True)


async def test_a_refused_option_is_a_clear_answer_with_a_reason(hub: SmallHub) -> None:
    spawner = hub.spawner()
    with pytest.raises(SpawnFailed, match="Unknown option 'cmd'") as failed:
        await spawner._run_apply_user_options({"cmd": ["sh"]})
    assert (failed.value.status_code, failed.value.reason) == (400, "options")
    assert failed.value.jupyterhub_message == "Unknown option 'cmd'."
    with pytest.raises(SpawnFailed) as failed:
        hub.spawner("Not An Account")
    assert failed.value.reason == "account-name"


async def test_a_job_is_adopted_though_its_reservation_is_no_more(hub: SmallHub) -> None:
    now = datetime.now(UTC)
    hub.scheduler.offered = Offers(reservations=(Reservation("today", None, now + timedelta(hours=1)),))
    await hub.cluster.availability.ask()
    before = hub.spawner(server="", cpus=1, reservation="today")
    async with starting(before):
        await submitted(before)
    assert hub.scheduler.submitted[0].request.reservation == "today"
    await hub.restart()
    hub.scheduler.offered = Offers()
    await hub.cluster.availability.ask()
    after = hub.spawner(server="", cpus=1, reservation="today", site="small")
    async with starting(after):
        await submitted(after)
        assert after.job_id == before.job_id
    with pytest.raises(SpawnFailed, match="has no reservation today"):
        hub.spawner("ben", server="", cpus=1, reservation="today", site="small")
