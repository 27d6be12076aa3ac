"""What happened to a job: told once, bounded, and still there when the hub comes back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hpcampus_spawner import history as history_module
from hpcampus_spawner.history import ESTIMATE, LONGEST, latest_history
from hpcampus_spawner.job import Job
from hpcampus_spawner.scheduler import JobState, JobStatus
from hpcampus_spawner.spawner import BatchSpawner
from small_hub import COURSE, SmallHub, starting
from spawning import running, until
from sqlalchemy.exc import OperationalError

NOON = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)
PORT = {"port": 40000}
HANDED_OVER = "The scheduler has your job: its number is 1."
WAITS = "Waiting in the queue. Other jobs come first."


@pytest.fixture(autouse=True)
def written_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "WRITE_SECONDS", 0.01)


def told(spawner: BatchSpawner) -> list[str]:
    """What the queue page shows."""
    return [event["text"] for event in spawner.whereabouts()["history"]]


def kept(hub: SmallHub) -> list[str]:
    """What the database has."""
    spawn = hub.ledger.latest("ada", COURSE)
    return [event.text for event in hub.ledger.events(spawn.spawn_id)] if spawn else []


async def until_told(spawner: BatchSpawner, text: str) -> None:
    async def is_told() -> bool:
        return told(spawner)[-1:] == [text]

    await until(is_told, f"the last event is {text!r}")


async def until_kept(hub: SmallHub, texts: list[str]) -> None:
    async def is_kept() -> bool:
        return kept(hub) == texts

    await until(is_kept, f"written are {texts}")


async def test_a_start_tells_its_story_though_nobody_looks(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await until_told(spawner, WAITS)
        hub.scheduler.known["1"] = JobStatus(
            "1", JobState.PENDING, "PENDING", reason="Resources", starts=NOON
        )
        await until_kept(hub, [HANDED_OVER, WAITS, *NEXT_AND_WHEN])
        hub.scheduler.known["1"] = running("1", "n7")
        runs = "Your job runs on n7. Its environment is being loaded."
        await until_kept(hub, [HANDED_OVER, WAITS, *NEXT_AND_WHEN, runs])
        await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)
        await start
        whole = [
            *(HANDED_OVER, WAITS, *NEXT_AND_WHEN, runs),
            "Your job runs on n7. The notebook server is starting.",
            "The notebook server answers.",
        ]
        assert told(spawner) == whole
        await until_kept(hub, whole)
    estimate = next(e for e in spawner.whereabouts()["history"] if e["text"] == ESTIMATE)
    assert datetime.fromisoformat(estimate["moment"]) == NOON
    assert datetime.now(UTC) - datetime.fromisoformat(estimate["at"]) < timedelta(minutes=1)


NEXT_AND_WHEN = [
    "Waiting in the queue. It is next: it waits until enough of the cluster is free.",
    ESTIMATE,
]


async def test_it_goes_on_after_the_hub_was_killed(hub: SmallHub) -> None:
    before = hub.spawner()
    async with starting(before):
        await until_kept(hub, [HANDED_OVER, WAITS])
    await hub.restart()
    after = hub.spawner()
    async with starting(after):
        again = "The hub was restarted, and has found your job again."
        await until_told(after, again)
        await until_kept(hub, [HANDED_OVER, WAITS, again])
        hub.scheduler.known["1"] = running("1")
        await until_told(after, "Your job runs on n1. Its environment is being loaded.")


async def test_a_silent_scheduler_is_an_event_and_so_is_its_return(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await until_told(spawner, WAITS)
        hub.scheduler.silent = True
        silent = "The scheduler doesn't answer just now; your place is not lost."
        await until_told(spawner, silent)
        hub.scheduler.silent = False
        await until_told(spawner, WAITS)
        assert told(spawner) == [HANDED_OVER, WAITS, silent, WAITS]


async def test_the_end_is_the_last_event(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await until_told(spawner, WAITS)
        hub.scheduler.known["1"] = JobStatus("1", JobState.GONE, "OUT_OF_MEMORY", node="n1")
        with pytest.raises(Exception, match="more memory"):
            await start
    found = latest_history(hub.clusters, "ada", COURSE)
    assert [event["text"] for event in found][1:] == [
        WAITS,
        "Your job used more memory than it had asked for. Ask for more, or use less. Its exit code was 3.",
    ]
    assert latest_history(hub.clusters, "ben", COURSE) == []


async def test_who_gives_up_reads_so(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await until_told(spawner, WAITS)
    hub.scheduler.known["1"] = JobStatus("1", JobState.GONE, "CANCELLED")
    await spawner.stop()
    assert [event["text"] for event in latest_history(hub.clusters, "ada", COURSE)][-1] == "It was stopped."


def a_job(hub: SmallHub) -> Job:
    return Job(hub.cluster, "ada", uuid4().hex)


async def test_an_estimate_is_news_when_it_has_moved_by_minutes(hub: SmallHub) -> None:
    history = a_job(hub).history
    for minutes in (0, 4, -4, 5, 9, 11, None, 11):
        history.state(WAITS, None if minutes is None else NOON + timedelta(minutes=minutes))
    moved = [(event.moment - NOON) // timedelta(minutes=1) for event in history.events if event.moment]
    assert moved == [0, 5, 11]
    assert [event.text for event in history.events].count(WAITS) == 1


async def test_it_is_bounded_and_keeps_the_beginning(hub: SmallHub) -> None:
    hub.cluster.watch()
    spawn_id = uuid4().hex
    fields = {"site": "small", "tag": "t", "options": {}, "secret": "s"}
    hub.ledger.open(spawn_id=spawn_id, learner="ada", server=COURSE, **fields)
    history = Job(hub.cluster, "ada", spawn_id).history
    expected = ["event 1", *(f"event {number}" for number in range(203 - LONGEST, 202))]
    for number in range(1, 202):
        history.note(f"event {number}")
    assert [event["text"] for event in history.shown] == expected
    assert len(expected) == LONGEST
    await until_kept(hub, expected)


async def test_a_new_start_begins_a_new_history(hub: SmallHub) -> None:
    first = hub.spawner()
    async with starting(first):
        await until_kept(hub, [HANDED_OVER, WAITS])
        old = first.spawn_id
    hub.ledger.end(old, "stopped")
    second = hub.spawner()
    async with starting(second):
        await until_told(second, WAITS)
        assert hub.ledger.events(old) == []
        assert len(told(second)) == 2


async def test_a_database_that_fails_costs_events_and_nothing_else(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(events: object, keep: int) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    real = hub.ledger.write_events
    monkeypatch.setattr(hub.ledger, "write_events", full)
    spawner = hub.spawner()
    async with starting(spawner):
        await until_told(spawner, WAITS)

        async def given_up() -> bool:
            return not hub.cluster.unwritten.events

        await until(given_up, "nothing waits to be written")
        monkeypatch.setattr(hub.ledger, "write_events", real)
        hub.scheduler.known["1"] = running("1")
        await until_kept(hub, ["Your job runs on n1. Its environment is being loaded."])
    assert told(spawner)[:2] == [HANDED_OVER, WAITS]
