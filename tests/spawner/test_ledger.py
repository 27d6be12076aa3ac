"""The ledger, on SQLite and on a real PostgreSQL: what must hold after any crash."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hpcampus_spawner.ledger import Ledger
from postgres import private_postgres
from sqlalchemy.exc import IntegrityError


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with private_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'spawns.sqlite'}"
    server = sa.create_engine(
        request.getfixturevalue("postgres"), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    name = f"test_{uuid4().hex}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return server.url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    yield ledger
    ledger.close()


def open_spawn(ledger: Ledger, learner: str = "ada", server: str = "gpu-numba") -> str:
    spawn_id = uuid4().hex
    ledger.open(
        spawn_id=spawn_id,
        learner=learner,
        server=server,
        tag=f"hpcampus:test:{spawn_id}",
        options={"course": "gpu-numba"},
        site="small",
        gpus=0,
        secret="s" * 43,
    )
    return spawn_id


def test_a_spawn_is_found_as_it_was_written(ledger: Ledger) -> None:
    spawn_id = open_spawn(ledger)
    ledger.submitted(spawn_id, "42")
    ledger.reported(spawn_id, 40000, "token")
    spawn = ledger.live("ada", "gpu-numba")
    assert spawn is not None
    assert (spawn.spawn_id, spawn.options) == (spawn_id, {"course": "gpu-numba"})
    assert (spawn.job_id, spawn.port, spawn.api_token) == ("42", 40000, "token")
    assert ledger.all_live("small") == [spawn]
    assert ledger.unsettled("small") == []


def test_moments_are_aware(ledger: Ledger) -> None:
    ledger.end(open_spawn(ledger), "over")
    (spawn,) = ledger.unsettled("small")
    assert spawn.ended is not None
    assert spawn.created <= spawn.ended
    assert abs(datetime.now(UTC) - spawn.ended) < timedelta(minutes=1)


def test_the_database_itself_refuses_a_second_live_row(ledger: Ledger) -> None:
    first = open_spawn(ledger)
    with pytest.raises(IntegrityError):
        open_spawn(ledger)
    open_spawn(ledger, server="")
    open_spawn(ledger, learner="ben")
    ledger.end(first, "over")
    second = open_spawn(ledger)
    live = ledger.live("ada", "gpu-numba")
    assert live is not None
    assert live.spawn_id == second


def test_of_many_at_once_one_wins(url: str) -> None:
    ledgers = [Ledger(url) for _ in range(6)]
    start = Barrier(len(ledgers))

    def race(ledger: Ledger) -> bool:
        start.wait()
        try:
            open_spawn(ledger)
        except IntegrityError:
            return False
        return True

    with ThreadPoolExecutor(len(ledgers)) as pool:
        winners = list(pool.map(race, ledgers))
    assert sum(winners) == 1
    assert len(ledgers[0].all_live("small")) == 1
    for ledger in ledgers:
        ledger.close()


def test_the_first_reason_stays_and_the_token_goes(ledger: Ledger) -> None:
    spawn_id = open_spawn(ledger)
    ledger.reported(spawn_id, 40000, "token")
    assert ledger.is_live(spawn_id)
    ledger.end(spawn_id, "TIMEOUT")
    ledger.end(spawn_id, "stopped")
    (spawn,) = ledger.unsettled("small")
    assert (spawn.reason, spawn.api_token) == ("TIMEOUT", None)
    assert not ledger.is_live(spawn_id)
    ledger.settle(spawn_id)
    assert ledger.unsettled("small") == []


def test_ending_what_is_not_there_is_fine(ledger: Ledger) -> None:
    ledger.end("", "stopped")
    ledger.settle("0" * 32)
    assert (ledger.all_live("small"), ledger.unsettled("small"), ledger.is_live("")) == ([], [], False)


def test_another_process_reads_what_was_written(ledger: Ledger, url: str) -> None:
    spawn_id = open_spawn(ledger)
    again = Ledger(url)
    assert [spawn.spawn_id for spawn in again.all_live("small")] == [spawn_id]
    again.close()


def test_sqlite_survives_a_crash_of_the_machine(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path / 'spawns.sqlite'}")
    with ledger._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    ledger.close()
