"""Attacks on the door where jobs report their port: one integer, once, from the job that holds the secret."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hpcampus_spawner import job as job_module
from hpcampus_spawner.spawner import BatchSpawner
from small_hub import SmallHub, snapshot, starting
from spawning import pending, running, until

PORT = {"port": 40000}


@pytest.fixture
async def spawner(hub: SmallHub) -> AsyncIterator[BatchSpawner]:
    """A spawner whose job runs and has not reported yet."""
    spawner = hub.spawner()
    async with starting(spawner):
        await submitted(spawner)
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        yield spawner


async def submitted(spawner: BatchSpawner) -> None:
    async def has_job() -> bool:
        return bool(spawner.job_id)

    await until(has_job, "the job is submitted")


async def test_the_one_right_report_is_answered_with_the_servers_environment(
    hub: SmallHub, spawner: BatchSpawner
) -> None:
    answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)
    assert answer.code == 200
    environment = json.loads(answer.body)["environment"]
    assert environment["JUPYTERHUB_API_TOKEN"] == "token-of-ada"
    assert environment["JUPYTERHUB_SERVICE_URL"] == "http://127.0.0.1:40000/"
    assert environment["CAMPUS_COURSE"] == "gpu-numba"
    assert environment["NUMBA_ENABLE_CUDASIM"] == "1"
    assert "SECRET" not in "".join(environment)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ip": "10.0.0.1"},
        {"port": 40000, "ip": "10.0.0.1"},
        {"port": 40000, "cmd": ["sh"]},
        {"port": 40000, "user_options": {}},
        {"__class__": 40000},
        {"Port": 40000},
        {"spawner": {"port": 40000}},
        b'{"port": 40000, "port": 50000}',
        b'{"port": 50000, "port": 40000}',
    ],
    ids=repr,
)
async def test_any_key_but_port_changes_nothing(hub: SmallHub, spawner: BatchSpawner, body: Any) -> None:
    before = snapshot(spawner)
    answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], body)
    assert answer.code == 400
    assert snapshot(spawner) == before
    row = hub.ledger.live("ada", "gpu-numba")
    assert row is not None
    assert row.port is None


PORTS = [0, 22, 1023, 65536, 70000, -1, "8888", True, None, 8888.5, 8888.0, [8888], {"port": 8888}, 10**30]
BODIES = [
    b"",
    b"8888",
    b"[8888]",
    b'[["port", 8888]]',
    b'"port"',
    b"null",
    b'{"port": NaN}',
    b'{"port": 8888',
    b'{"port": 0x22b8}',
    b"\xff\xfe",
    b"[" * 64,
    "{'port': 8888}".encode("utf-16"),
    b"port=8888",
]


@pytest.mark.parametrize("body", [*({"port": port} for port in PORTS), *BODIES], ids=repr)
async def test_anything_but_a_port_is_refused(hub: SmallHub, spawner: BatchSpawner, body: Any) -> None:
    answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], body)
    assert answer.code == 400
    assert "1024 to 65535" in json.loads(answer.body)["message"]
    assert spawner.port == 0


async def test_a_long_report_is_not_read(hub: SmallHub, spawner: BatchSpawner) -> None:
    body = b'{"port": 40000' + b" " * 10_000 + b"}"
    assert (await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], body)).code == 413


async def test_a_second_report_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report(spawner.spawn_id, secret, PORT, **{"Idempotency-Key": "a"})).code == 200
    for body, key in (({"port": 50000}, "a"), ({"port": 50000}, "b"), (PORT, "b")):
        assert (await hub.report(spawner.spawn_id, secret, body, **{"Idempotency-Key": key})).code == 409
    assert spawner.port == 40000


async def test_a_second_report_without_a_key_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report(spawner.spawn_id, secret, PORT)).code == 200
    assert (await hub.report(spawner.spawn_id, secret, {"port": 50000})).code == 409
    assert spawner.port == 40000


async def test_the_same_report_again_gets_the_same_answer(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    answers = [await hub.report(spawner.spawn_id, secret, PORT, **{"Idempotency-Key": "a"}) for _ in range(2)]
    assert [answer.code for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body


async def test_of_two_reports_at_once_one_wins(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await submitted(spawner)
        secret = hub.ticket(spawner)["secret"]
        reports = [
            asyncio.create_task(hub.report(spawner.spawn_id, secret, {"port": port}))
            for port in (40000, 50000)
        ]
        # Both are at the door before anybody knows where the job runs.
        await asyncio.wait(reports, return_when=asyncio.FIRST_COMPLETED)
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        answers = await asyncio.gather(*reports)
        assert sorted(answer.code for answer in answers) == [200, 409]
        winner = (40000, 50000)[[answer.code for answer in answers].index(200)]
        assert await start == f"http://127.0.0.1:{winner}"
    row = hub.ledger.live("ada", "gpu-numba")
    assert row is not None
    assert row.port == winner


async def test_a_report_after_the_start_has_finished_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    key = {"Idempotency-Key": "a"}
    assert (await hub.report(spawner.spawn_id, secret, PORT, **key)).code == 200
    hub.finish(spawner)
    assert (await hub.report(spawner.spawn_id, secret, PORT, **key)).code == 409


async def test_a_report_for_a_server_that_was_stopped_is_refused(
    hub: SmallHub, spawner: BatchSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "STOP_SECONDS", 0.01)
    spawn_id, secret = spawner.spawn_id, hub.ticket(spawner)["secret"]
    await spawner.stop()
    assert (await hub.report(spawn_id, secret, PORT)).code == 410


async def test_a_report_that_is_overtaken_by_a_stop_gets_no_token(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):
        await submitted(spawner)
        spawn_id, secret = spawner.spawn_id, hub.ticket(spawner)["secret"]
        report = asyncio.create_task(hub.report(spawn_id, secret, PORT))

        async def claimed() -> bool:
            return spawner.job is not None and spawner.job._claim is not None

        await until(claimed, "the report has come in")
        job_id, spawner.job = spawner.job_id, None
        hub.scheduler.known[job_id] = running(job_id)
        answer = await report
    assert answer.code == 410
    assert b"token" not in answer.body


@pytest.mark.parametrize("secret", ["", "wrong", "token-of-ada", "x" * 10_000])
async def test_a_wrong_secret_is_refused(hub: SmallHub, spawner: BatchSpawner, secret: str) -> None:
    answer = await hub.report(spawner.spawn_id, secret, PORT)
    assert answer.code == (403 if secret else 401)
    assert spawner.port == 0


async def test_no_secret_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report(spawner.spawn_id, None, PORT)).code == 401
    for header in (f"token {secret}", f"Basic {secret}", secret):
        answer = await hub.report(spawner.spawn_id, None, PORT, Authorization=header)
        assert answer.code == 401
    assert spawner.port == 0


async def test_the_secret_of_another_job_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    other = hub.spawner("ben")
    async with starting(other):
        await submitted(other)
        answer = await hub.report(spawner.spawn_id, hub.ticket(other)["secret"], PORT)
    assert answer.code == 403
    assert spawner.port == 0


async def test_a_spawn_that_never_was_is_refused(hub: SmallHub, spawner: BatchSpawner) -> None:
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report("0" * 32, secret, PORT)).code == 410
    assert (await hub.report("../" + spawner.spawn_id, secret, PORT)).code == 404


async def test_a_hub_that_has_just_started_asks_for_patience(hub: SmallHub, spawner: BatchSpawner) -> None:
    spawn_id, secret = spawner.spawn_id, hub.ticket(spawner)["secret"]
    await hub.restart()
    assert (await hub.report(spawn_id, secret, PORT)).code == 503
    again = hub.spawner()
    async with starting(again) as start:
        await submitted(again)
        assert (await hub.report(spawn_id, secret, PORT)).code == 200
        assert await start == "http://127.0.0.1:40000"


async def test_after_a_restart_the_port_that_was_reported_stays(hub: SmallHub, spawner: BatchSpawner) -> None:
    spawn_id, secret = spawner.spawn_id, hub.ticket(spawner)["secret"]
    assert (await hub.report(spawn_id, secret, PORT)).code == 200
    await hub.restart()
    again = hub.spawner()
    async with starting(again) as start:
        await submitted(again)
        assert (await hub.report(spawn_id, secret, {"port": 50000})).code == 409
        assert (await hub.report(spawn_id, secret, PORT)).code == 200
        assert await start == "http://127.0.0.1:40000"


async def test_while_nobody_knows_where_the_job_runs_it_is_asked_to_come_again(
    hub: SmallHub, spawner: BatchSpawner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_module, "LOCATE_SECONDS", 0.1)
    hub.scheduler.known[spawner.job_id] = pending(spawner.job_id)
    secret = hub.ticket(spawner)["secret"]

    async def not_located() -> bool:
        status = spawner.job.status() if spawner.job else None
        return status is not None and not status.node

    await until(not_located, "the watcher knows that the job waits")
    with caplog.at_level(logging.DEBUG):
        answer = await hub.report(spawner.spawn_id, secret, PORT)
    assert answer.code == 503
    assert secret not in caplog.text
    hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
    assert (await hub.report(spawner.spawn_id, secret, PORT)).code == 200
