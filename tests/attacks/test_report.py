"""Attacks on the door where jobs report their port: one integer, once, from the job that holds the secret."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import pytest
from hpcampus_spawner import job as job_module
from hpcampus_spawner.spawner import BatchSpawner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
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


async def test_of_two_reports_at_once_one_wins(hub: SmallHub, monkeypatch: pytest.MonkeyPatch) -> None:
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await submitted(spawner)
        secret = hub.ticket(spawner)["secret"]
        arrived, located = asyncio.Semaphore(0), asyncio.Event()
        monkeypatch.setattr(spawner.job, "address", held_up(arrived, located))
        reports = [
            asyncio.create_task(hub.report(spawner.spawn_id, secret, {"port": port}))
            for port in (40000, 50000)
        ]
        # Both are at the door before anybody knows where the job runs.
        for _ in reports:
            await arrived.acquire()
        located.set()
        answers = await asyncio.gather(*reports)
        assert sorted(answer.code for answer in answers) == [200, 409]
        winner = (40000, 50000)[[answer.code for answer in answers].index(200)]
        assert await start == f"http://127.0.0.1:{winner}"
    row = hub.ledger.live("ada", "gpu-numba")
    assert row is not None
    assert row.port == winner


def held_up(arrived: asyncio.Semaphore, located: asyncio.Event) -> Callable[[], Awaitable[str]]:
    """A search for the job's node that takes until the test says so."""

    async def address() -> str:
        arrived.release()
        await located.wait()
        return "127.0.0.1"

    return address


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


async def test_a_report_that_is_overtaken_by_a_stop_gets_no_token(
    hub: SmallHub, spawner: BatchSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, stopped = asyncio.Semaphore(0), asyncio.Event()
    monkeypatch.setattr(spawner.job, "address", held_up(arrived, stopped))
    spawn_id, secret = spawner.spawn_id, hub.ticket(spawner)["secret"]
    report = asyncio.create_task(hub.report(spawn_id, secret, PORT))
    await arrived.acquire()
    spawner.job = None
    stopped.set()
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


ELSEWHERE = [
    "192.0.2.7",
    "10.0.0.5, 192.0.2.7",
    "127.0.0.1,192.0.2.7",
    "10.0.0.50",
    "::ffff:192.0.2.7",
    "2001:db8::7",
    "127.0.0.1",
    "::1",
    "0.0.0.0",
    "10.0.0.5:80",
    "167772165",
    "n1",
    "10.0.0.5, ",
]


@pytest.mark.parametrize("seen", ELSEWHERE)
async def test_a_report_from_elsewhere_than_the_jobs_node_is_refused_with_an_alarm(
    hub: SmallHub, spawner: BatchSpawner, caplog: pytest.LogCaptureFixture, seen: str
) -> None:
    """The right secret in the wrong place; and the job itself may still report."""
    hub.scheduler.node_address = "10.0.0.5"
    secret = hub.ticket(spawner)["secret"]
    claims = {"X-Forwarded-For": seen, "X-Real-Ip": "10.0.0.5", "Forwarded": "for=10.0.0.5"}
    answer = await hub.report(spawner.spawn_id, secret, PORT, **claims)
    assert answer.code == 403
    assert b"token" not in answer.body
    assert spawner.port == 0
    (alarm,) = [record for record in caplog.records if "ALARM" in record.message]
    assert "reach.small.reports_from" in alarm.message
    assert secret not in caplog.text
    true = await hub.report(spawner.spawn_id, secret, PORT, **{"X-Forwarded-For": f"{seen}, 10.0.0.5"})
    assert true.code == 200


async def test_without_a_proxy_the_caller_is_who_calls(hub: SmallHub, spawner: BatchSpawner) -> None:
    hub.scheduler.node_address = "10.0.0.5"
    assert (await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)).code == 403


@pytest.mark.parametrize(
    ("node", "seen"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("10.0.0.5", "::ffff:10.0.0.5"),
        ("fd00::5", "fd00:0::0:5"),
        ("fe80::1%eth0", "fe80::1"),
        ("127.0.0.1", "::1"),
        ("localhost", "127.0.0.1"),
    ],
)
async def test_a_node_has_its_address_in_every_notation(
    hub: SmallHub, spawner: BatchSpawner, node: str, seen: str
) -> None:
    hub.scheduler.node_address = node
    secret = hub.ticket(spawner)["secret"]
    assert (await hub.report(spawner.spawn_id, secret, PORT, **{"X-Forwarded-For": seen})).code == 200


async def test_operators_name_the_networks_by_which_nodes_come(hub: SmallHub, spawner: BatchSpawner) -> None:
    hub.scheduler.node_address = "10.0.0.5"
    hub.cluster.reports_from = (ip_network("192.0.2.0/28"), ip_network("2001:db8::/64"))
    secret = hub.ticket(spawner)["secret"]
    for seen, status in (("192.0.2.16", 403), ("2001:db8:0:1::1", 403), ("192.0.2.7", 200)):
        answer = await hub.report(spawner.spawn_id, secret, PORT, **{"X-Forwarded-For": seen})
        assert answer.code == status


async def test_a_node_that_cannot_be_looked_up_is_asked_to_come_again(
    hub: SmallHub, spawner: BatchSpawner
) -> None:
    hub.scheduler.node_address = "no-such-node.invalid"
    assert (await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], PORT)).code == 503


async def test_who_tries_secrets_stands_in_the_log(
    hub: SmallHub, spawner: BatchSpawner, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.report(spawner.spawn_id, "a-guess", PORT, **{"X-Forwarded-For": "192.0.2.7"})
    assert "wrong secret came from 192.0.2.7" in caplog.text
    assert "a-guess" not in caplog.text


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.integers(0, 70000),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.just("port") | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
_bodies = st.binary(max_size=80) | _json.map(lambda value: json.dumps(value).encode())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(body=_bodies)
async def test_whatever_comes_is_no_port(hub: SmallHub, spawner: BatchSpawner, body: bytes) -> None:
    """Generated: only the one right form could change anything."""
    assume(not _right(body))
    answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], body)
    assert answer.code in {400, 413}
    assert spawner.port == 0
    row = hub.ledger.live("ada", "gpu-numba")
    assert row is not None
    assert row.port is None


def _right(body: bytes) -> bool:
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and list(value) == ["port"]
