"""No job without a server: whatever ended is cancelled, and what nobody knows waits for an answer."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hpcampus_spawner import reconcile
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ledger import Ledger, Spawn
from hpcampus_spawner.reconcile import adopt_all, end_all, settle
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.scheduler import JobState, JobStatus, SchedulerError
from spawning import ScriptedScheduler, a_site, running

NOW = timedelta(0)


@pytest.fixture
def scheduler() -> ScriptedScheduler:
    return ScriptedScheduler()


@pytest.fixture
def cluster(tmp_path: Path, launcher: Launcher, scheduler: ScriptedScheduler) -> Iterator[Cluster]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'spawns.sqlite'}")
    yield Cluster(hub_id="test", site=a_site(), launcher=launcher, scheduler=scheduler, ledger=ledger)
    ledger.close()


def spawned(cluster: Cluster, server: str, job_id: str | None, *, ended: bool = True) -> Spawn:
    """A row of the ledger, of a server that has ended."""
    spawn_id = uuid4().hex
    cluster.ledger.open(
        spawn_id=spawn_id,
        learner="ada",
        server=server,
        tag=cluster.tag(spawn_id),
        options={},
        site="small",
        gpus=0,
        secret="s" * 43,
    )
    if job_id is not None:
        cluster.ledger.submitted(spawn_id, job_id)
        assert isinstance(cluster.scheduler, ScriptedScheduler)
        cluster.scheduler.tags[cluster.tag(spawn_id)] = job_id
    rows = cluster.ledger.all_live("small")
    if ended:
        cluster.ledger.end(spawn_id, "stopped")
    return next(row for row in rows if row.spawn_id == spawn_id)


def unsettled(cluster: Cluster) -> list[str]:
    return [spawn.server for spawn in cluster.ledger.unsettled("small")]


async def test_the_job_of_a_server_that_ended_is_cancelled_then_written_off(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawned(cluster, "a", "1")
    scheduler.known = {"1": running("1"), "2": running("2")}
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == [("ada", "1")]
    assert unsettled(cluster) == ["a"]
    scheduler.known["1"] = JobStatus("1", JobState.GONE, "CANCELLED")
    await cluster.watcher.ask()
    await settle(cluster)
    assert unsettled(cluster) == []
    assert scheduler.cancelled == [("ada", "1")]


async def test_an_id_that_was_given_to_another_job_since_is_left_alone(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawned(cluster, "a", "1")
    scheduler.tags.clear()  # a scheduler that lost its state counts from one again
    scheduler.known = {"1": running("1")}
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == []
    assert unsettled(cluster) == []


async def test_a_live_server_is_left_alone(cluster: Cluster, scheduler: ScriptedScheduler) -> None:
    spawned(cluster, "a", "1", ended=False)
    scheduler.known = {"1": running("1")}
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == []


async def test_a_job_that_is_ending_is_not_asked_again(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawned(cluster, "a", "1")
    scheduler.known = {"1": JobStatus("1", JobState.ENDING, "COMPLETING")}
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == []
    assert unsettled(cluster) == ["a"]


async def test_the_unknown_waits(cluster: Cluster, scheduler: ScriptedScheduler) -> None:
    spawned(cluster, "a", "1")
    await settle(cluster)  # before the first answer
    scheduler.silent = True
    await cluster.watcher.ask()
    await settle(cluster)  # the scheduler is silent
    scheduler.silent = False
    await cluster.watcher.ask()
    await settle(cluster)  # one answer without the job isn't enough
    assert unsettled(cluster) == ["a"]
    await cluster.watcher.ask()
    await settle(cluster)
    assert unsettled(cluster) == []


async def test_a_submission_without_an_answer_may_still_become_a_job(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawn = spawned(cluster, "a", None)
    await cluster.watcher.ask()
    await settle(cluster)
    assert unsettled(cluster) == ["a"]
    scheduler.known = {"7": running("7")}
    scheduler.tags = {spawn.tag: "7"}
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == [("ada", "7")]
    assert cluster.ledger.unsettled("small")[0].job_id == "7"


async def test_a_submission_that_never_became_a_job_is_written_off_in_the_end(cluster: Cluster) -> None:
    spawned(cluster, "a", None)
    await cluster.watcher.ask()
    await settle(cluster, uncertain=NOW)
    assert unsettled(cluster) == []


async def test_one_job_that_cannot_be_cancelled_holds_up_no_other(
    cluster: Cluster, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned(cluster, "a", None)
    spawned(cluster, "b", "2")
    scheduler.known = {"2": running("2")}
    await cluster.watcher.ask()

    async def lost(learner: str, tag: str) -> str | None:
        if tag not in scheduler.tags:
            raise SchedulerError("no answer")
        return scheduler.tags[tag]

    monkeypatch.setattr(scheduler, "find", lost)
    await settle(cluster)
    assert scheduler.cancelled == [("ada", "2")]
    assert unsettled(cluster) == ["a", "b"]


async def test_after_a_restart_every_live_server_is_taken_up_once(cluster: Cluster) -> None:
    spawned(cluster, "a", "1", ended=False)
    spawned(cluster, "b", None, ended=False)
    spawned(cluster, "c", "3")
    resumed: list[str] = []

    async def resume(spawn: Spawn) -> None:
        resumed.append(spawn.server)

    await adopt_all(cluster, resume)
    assert resumed == ["a", "b"]
    assert [spawn.server for spawn in cluster.ledger.all_live("small")] == ["a", "b"]


async def test_a_server_that_cannot_be_taken_up_gives_its_job_back(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawned(cluster, "a", "1", ended=False)
    spawned(cluster, "b", "2", ended=False)
    scheduler.known = {"1": running("1"), "2": running("2")}

    async def resume(spawn: Spawn) -> None:
        if spawn.server == "a":
            raise Refused("no-such-course", "That course is no more.")

    await adopt_all(cluster, resume)
    await cluster.watcher.ask()
    await settle(cluster)
    assert scheduler.cancelled == [("ada", "1")]
    assert [spawn.server for spawn in cluster.ledger.all_live("small")] == ["b"]


async def test_a_hub_in_trouble_is_asked_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RETRIES", (0,))
    spawned(cluster, "a", "1", ended=False)
    tries: list[str] = []

    async def resume(spawn: Spawn) -> None:
        tries.append(spawn.server)
        if len(tries) == 1:
            raise TimeoutError

    await adopt_all(cluster, resume)
    assert tries == ["a", "a"]
    assert [spawn.server for spawn in cluster.ledger.all_live("small")] == ["a"]


async def test_at_the_end_no_job_is_left(
    cluster: Cluster, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned(cluster, "a", "1", ended=False)
    spawned(cluster, "b", "2")
    spawned(cluster, "c", None)
    scheduler.known = {"1": running("1"), "2": running("2")}

    async def cancel(learner: str, job_id: str) -> None:
        scheduler.known[job_id] = JobStatus(job_id, JobState.GONE, "CANCELLED")

    monkeypatch.setattr(scheduler, "cancel", cancel)
    assert await end_all(cluster, deadline_seconds=20)
    assert cluster.ledger.all_live("small") == []
    assert unsettled(cluster) == []


async def test_jobs_that_cannot_be_ended_are_said_and_kept_for_later(
    cluster: Cluster, scheduler: ScriptedScheduler
) -> None:
    spawned(cluster, "a", "1", ended=False)
    scheduler.silent = True
    assert not await end_all(cluster, deadline_seconds=0.5)
    assert unsettled(cluster) == ["a"]
