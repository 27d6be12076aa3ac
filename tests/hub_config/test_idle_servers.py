"""Servers that nobody uses are stopped, and their learner reads why."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from campus_under_test import local_campus, wait_for
from hpcampus_hub.idle_servers import idle_servers, stop_idle_for_ever
from spawning import running

LIMIT = timedelta(minutes=30)
NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=1)


def a_user(
    *,
    ready: bool = True,
    used: datetime = LONG_AGO,
    started: datetime = LONG_AGO,
    up: datetime | None = LONG_AGO,
) -> Any:
    """JupyterHub's user with one server; its moments are UTC without a zone, as the database has them."""
    row = SimpleNamespace(last_activity=used.replace(tzinfo=None), started=started.replace(tzinfo=None))
    job = SimpleNamespace(status=lambda: running("1"), up_since=up)
    spawner = SimpleNamespace(ready=ready, orm_spawner=row, job=job, _log_name="ada:gpu-numba")
    return SimpleNamespace(spawners={"gpu-numba": spawner})


def test_only_what_nobody_used_is_idle() -> None:
    assert len(idle_servers([a_user()], LIMIT, LONG_AGO)) == 1
    assert idle_servers([a_user(used=NOW)], LIMIT, LONG_AGO) == []
    assert idle_servers([a_user(started=NOW)], LIMIT, LONG_AGO) == []


def test_a_server_on_its_way_is_not_idle() -> None:
    assert idle_servers([a_user(ready=False)], LIMIT, LONG_AGO) == []


def test_one_that_waited_long_for_its_job_has_the_whole_limit_from_when_it_came_up() -> None:
    """JupyterHub's start is the moment when somebody asked, for a class perhaps hours before."""
    assert idle_servers([a_user(up=NOW)], LIMIT, LONG_AGO) == []
    assert len(idle_servers([a_user(up=None)], LIMIT, LONG_AGO)) == 1


def test_a_hub_that_was_away_first_listens_to_the_servers() -> None:
    assert idle_servers([a_user()], LIMIT, since=NOW) == []


async def test_a_server_that_cannot_be_stopped_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[object] = []
    stopped = asyncio.Event()

    async def stop(spawner: object) -> None:
        tries.append(spawner)
        if len(tries) == 1:
            raise OSError("the hub is busy")
        stopped.set()

    log = logging.getLogger("test-idle")
    endless = asyncio.create_task(
        stop_idle_for_ever(lambda: [a_user()], timedelta(seconds=0.1), stop, log),
    )
    await asyncio.wait_for(stopped.wait(), 60)
    endless.cancel()
    assert "could not be stopped" in caplog.text


def test_an_unused_server_is_stopped_and_its_page_says_why() -> None:
    with local_campus(arguments=["--CampusHub.idle_seconds=1"]) as campus:
        ada = campus.person("ada")
        ada.start("gpu-numba", {"course": "gpu-numba"})
        wait_for(lambda: "nobody used it" in campus.log, "it counts as idle", 90)
        wait_for(lambda: ada.model("gpu-numba") is None, "it is stopped", 90)
        # What the proxy shows until the hub has noticed.
        assert "looks again every few seconds" in ada.get("/hub/error/503").text
        page = ada.get("/user/ada/gpu-numba/lab/tree/a%20b.ipynb").text
        assert "Nobody had used it for a while" in page
        assert "opt-course=gpu-numba" in page
        assert "next=%2Fhub%2Fuser%2Fada%2Fgpu-numba%2Flab%2Ftree%2Fa%2520b.ipynb" in page
