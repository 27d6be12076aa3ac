"""A database of an older version: it gets what it lacks, or its operator a sentence."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hpcampus_spawner.ledger import Event, Ledger
from hpcampus_spawner.models import BadFile
from postgres import private_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with private_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with a spawn in it."""
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'spawns.sqlite'}" if on_sqlite else request.getfixturevalue("postgres")
    ledger = Ledger(url)
    ledger.open(spawn_id=uuid4().hex, learner="ada", server="", site="small", tag="t", options={}, secret="s")
    ledger.close()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    with engine.begin() as connection:
        for table in ("campus_spawns", "campus_events"):
            connection.execute(sa.DDL(f"DROP TABLE {table}"))


def forget(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.DDL(statement))


def test_columns_and_tables_that_came_later_are_added(engine: sa.Engine) -> None:
    forget(engine, "ALTER TABLE campus_spawns DROP COLUMN gpus", "DROP TABLE campus_events")
    ledger = Ledger(engine.url.render_as_string(hide_password=False))
    spawn = ledger.live("ada", "")
    assert spawn is not None
    assert spawn.gpus == 0
    ledger.write_events([Event(spawn.spawn_id, 1, spawn.created, "it began")], keep=5)
    assert [event.text for event in ledger.events(spawn.spawn_id)] == ["it began"]
    ledger.close()


def test_what_nobody_can_know_is_said_to_the_operator(engine: sa.Engine) -> None:
    forget(engine, "ALTER TABLE campus_spawns DROP COLUMN site")
    with pytest.raises(BadFile, match="did not keep the site of each notebook") as refused:
        Ledger(engine.url.render_as_string(hide_password=False))
    assert "new folder or database" in str(refused.value)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT learner FROM campus_spawns")).scalar() == "ada"
