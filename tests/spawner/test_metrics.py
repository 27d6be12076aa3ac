"""What monitoring is told: of starts and their phases, commands, failures, and how clusters stand."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_spawner import metrics
from hpcampus_spawner.commands import CountedCommands, LocalCommands
from hpcampus_spawner.failure import SpawnFailed
from hpcampus_spawner.gauges import STATES, ClusterGauges
from hpcampus_spawner.launching import Launcher, LauncherError
from hpcampus_spawner.ledger import Spawn
from hpcampus_spawner.scheduler import JobState, JobStatus, SchedulerError, SubmissionRefused
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.turns import AT_ONCE
from prometheus_client import REGISTRY
from small_hub import SmallHub, starting
from spawning import FakeSlurm, a_submission, until

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


class Increase:
    """How much a sample grew since the test began."""

    def __init__(self) -> None:
        self._before = {(s.name, frozenset(s.labels.items())): s.value for s in _samples()}

    def __call__(self, name: str, **labels: str) -> float:
        found = (s.value for s in _samples() if s.name == name and s.labels == labels)
        return next(found, 0.0) - self._before.get((name, frozenset(labels.items())), 0.0)


def _samples() -> Iterator:  # type: ignore[type-arg]  # the library's own name for them is private
    return (sample for family in REGISTRY.collect() for sample in family.samples)


@pytest.fixture
def increase() -> Increase:
    return Increase()


def test_each_phase_is_the_time_between_two_moments(increase: Increase) -> None:
    moments = [NOW + timedelta(seconds=seconds) for seconds in (0, 2, 62, 65, 66)]
    metrics.count_start("there", *moments)
    for phase, seconds in (("submit", 2), ("queue", 60), ("report", 3), ("ready", 1)):
        assert increase("campus_start_seconds_sum", site="there", phase=phase) == seconds


def test_what_nobody_knows_is_not_counted_and_nothing_takes_less_than_no_time(increase: Increase) -> None:
    """A hub that took a job up again didn't see it begin; a cluster's clock may be ahead of the hub's."""
    early = NOW - timedelta(seconds=5)
    metrics.count_start("there", None, None, NOW, early, NOW)
    assert increase("campus_start_seconds_count", site="there", phase="submit") == 0
    assert increase("campus_start_seconds_count", site="there", phase="queue") == 0
    assert increase("campus_start_seconds_count", site="there", phase="report") == 1
    assert increase("campus_start_seconds_sum", site="there", phase="report") == 0
    assert increase("campus_start_seconds_sum", site="there", phase="ready") == 5


async def begun(hub: SmallHub, spawner: BatchSpawner) -> None:
    async def has_job() -> bool:
        return bool(spawner.job_id)

    await until(has_job, "the job is submitted")


async def listening(hub: SmallHub, spawner: BatchSpawner, start: "asyncio.Task[str]") -> None:
    """The job runs and reports."""
    await begun(hub, spawner)
    began = datetime.now(UTC)
    hub.scheduler.known["1"] = JobStatus("1", JobState.RUNNING, "RUNNING", node="n1", started=began)
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report(spawner.spawn_id, secret, {"port": 40000})).code == 200
    await start


async def test_a_start_is_counted_when_its_port_answers(hub: SmallHub, increase: Increase) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await listening(hub, spawner, start)
    for phase in ("submit", "queue", "report", "ready"):
        assert increase("campus_start_seconds_count", site="small", phase=phase) == 1
    assert increase("campus_submissions_total", site="small", result="accepted") == 1


async def test_a_job_that_is_adopted_counts_no_second_start(hub: SmallHub, increase: Increase) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await listening(hub, spawner, start)
    await hub.restart()
    again = hub.spawner()
    async with starting(again) as start:
        await start
    assert again.job is not None
    assert again.job.up_since is None
    for phase in ("submit", "queue", "report", "ready"):
        assert increase("campus_start_seconds_count", site="small", phase=phase) == 1
    assert increase("campus_submissions_total", site="small", result="accepted") == 1


async def test_a_submission_that_got_lost_refused_or_found_again_is_counted(
    hub: SmallHub, increase: Increase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose_the_answer() -> None:
        raise SchedulerError("lost")

    async def refuse(*what: object) -> str:
        raise SubmissionRefused("no")

    async def found(learner: str, tag: str) -> str:
        return "7"

    hub.scheduler.on_submit = lose_the_answer
    spawner = hub.spawner("ada")
    async with starting(spawner) as start:
        with pytest.raises(SpawnFailed):
            await start
    assert increase("campus_submissions_total", site="small", result="unanswered") == 1
    assert increase("campus_failed_starts_total", site="small", reason="scheduler-unavailable") == 1
    with monkeypatch.context() as patch:
        patch.setattr(hub.scheduler, "find", found)
        spawner = hub.spawner("ben")
        async with starting(spawner):
            await begun(hub, spawner)
    assert increase("campus_submissions_total", site="small", result="found") == 1
    monkeypatch.setattr(hub.scheduler, "submit", refuse)
    async with starting(hub.spawner("carl")) as start:
        with pytest.raises(SpawnFailed):
            await start
    assert increase("campus_submissions_total", site="small", result="refused") == 1
    assert increase("campus_failed_starts_total", site="small", reason="scheduler-refused") == 1


async def test_why_a_server_ended_is_counted_once(hub: SmallHub, increase: Increase) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await listening(hub, spawner, start)
    hub.scheduler.known["1"] = JobStatus("1", JobState.GONE, "NODE_FAIL")
    await hub.cluster.watcher.ask()
    assert (await spawner.poll(), await spawner.poll()) == (1, 1)
    await spawner.stop()
    assert increase("campus_ended_servers_total", site="small", reason="NODE_FAIL") == 1
    assert increase("campus_ended_servers_total", site="small", reason="stopped") == 0


async def test_a_refusal_before_a_site_is_chosen_has_no_site(hub: SmallHub, increase: Increase) -> None:
    with pytest.raises(SpawnFailed):
        hub.spawner(site="nowhere")
    assert increase("campus_failed_starts_total", site="", reason="site") == 1


async def test_commands_are_counted_by_what_came_of_them(
    slurm_commands: FakeSlurm, launcher: Launcher, increase: Increase, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = SlurmScheduler(launcher, CountedCommands("there", LocalCommands()))
    await scheduler.jobs()
    slurm_commands.answer("squeue", err="slurm_load_jobs error", code=1)
    with pytest.raises(SchedulerError):
        await scheduler.jobs()
    monkeypatch.setattr("hpcampus_spawner.commands.QUERY_SECONDS", 0.2)
    slurm_commands.answer("squeue", hangs=True)
    with pytest.raises(SchedulerError):
        await scheduler.jobs()
    for result in ("ok", "failed", "no-answer"):
        assert increase("campus_command_seconds_count", site="there", command="squeue", result=result) == 1


async def test_orders_of_the_launcher_are_counted_too(
    slurm_commands: FakeSlurm, launcher: Launcher, increase: Increase
) -> None:
    scheduler = SlurmScheduler(launcher)
    slurm_commands.answer("sbatch", "7\n")
    assert await scheduler.submit("ada", a_submission()) == "7"
    slurm_commands.answer("sbatch", err="sbatch: error: no", code=1)
    with pytest.raises(SubmissionRefused):
        await scheduler.submit("ada", a_submission())
    with pytest.raises(LauncherError):
        await launcher.order("ada", "no-such-verb")
    assert increase("campus_command_seconds_count", site="", command="sbatch", result="ok") == 1
    assert increase("campus_command_seconds_count", site="", command="sbatch", result="failed") == 1


def gauges(hub: SmallHub) -> dict[tuple[str, str, str], float]:
    """By name, site and state."""
    families = ClusterGauges(hub.clusters.values()).collect()
    samples = (sample for family in families for sample in family.samples)
    return {(s.name, s.labels["site"], s.labels.get("state", "")): s.value for s in samples}


async def test_how_the_clusters_stand(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await begun(hub, spawner)
        await hub.cluster.watcher.ask()
        seen = gauges(hub)
        assert {state for name, site, state in seen if name == "campus_jobs" and site == "far"} == set(STATES)
        assert seen["campus_jobs", "small", "pending"] == 1
        assert sum(value for (name, *_), value in seen.items() if name == "campus_jobs") == 1
        (spawn,) = hub.ledger.all_live("small")
        hour_ago = Spawn(**{**vars(spawn), "created": spawn.created - timedelta(hours=1)})
        monkeypatch.setattr(hub.ledger, "all_live", lambda site: [hour_ago] if site == "small" else [])
        assert 3600 <= gauges(hub)["campus_longest_wait_seconds", "small", ""] < 3700
        assert gauges(hub)["campus_longest_wait_seconds", "far", ""] == 0


async def test_jobs_that_wait_for_their_turn(hub: SmallHub) -> None:
    let_go = asyncio.Event()

    async def slow() -> None:
        await let_go.wait()

    hub.scheduler.on_submit = slow
    spawners = [hub.spawner(f"learner{number}") for number in range(AT_ONCE + 2)]

    async def two_wait() -> bool:
        return gauges(hub)["campus_submissions_waiting", "small", ""] == 2

    async with AsyncExitStack() as starts:
        for spawner in spawners:
            await starts.enter_async_context(starting(spawner))
        await until(two_wait, "two wait")
        assert gauges(hub)["campus_jobs", "small", "submitting"] == AT_ONCE + 2
        let_go.set()
        for spawner in spawners:
            await begun(hub, spawner)


async def test_a_job_of_which_nothing_is_known_is_unknown(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await begun(hub, spawner)
        hub.ledger.submitted(spawner.spawn_id, "99")
        assert gauges(hub)["campus_jobs", "small", "unknown"] == 1


async def test_the_age_of_an_answer_grows_while_a_scheduler_is_silent(hub: SmallHub) -> None:
    watcher = hub.cluster.watcher
    await watcher.ask()
    answered = time.monotonic()
    hub.scheduler.silent = True
    await watcher.ask()
    assert time.monotonic() - answered <= watcher.age()
    hub.scheduler.silent = False
    asked = time.monotonic()
    await watcher.ask()
    assert watcher.age() <= time.monotonic() - asked
