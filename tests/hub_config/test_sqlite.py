"""JupyterHub's own database file: its commits don't wait for the disk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hpcampus_hub import configure
from hpcampus_hub.settings import Settings
from jupyterhub import orm
from sqlalchemy import text
from traitlets.config import Config


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """A hub closes its files to others; the tests after this one must not."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_commits_of_the_hub_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    config = Config()
    configure.hub(config, Settings(state=tmp_path))
    session = orm.new_session_factory(config.JupyterHub.db_url, **config.JupyterHub.db_kwargs)()
    engine = session.get_bind()
    try:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert session.execute(text("PRAGMA synchronous")).scalar() == 1  # NORMAL
        assert session.execute(text("PRAGMA foreign_keys")).scalar() == 1
    finally:
        session.close()
        engine.dispose()


def test_another_database_keeps_its_own_ways(tmp_path: Path) -> None:
    config = Config()
    configure.hub(config, Settings(state=tmp_path, database="postgresql+psycopg://hub@db.example/campus"))
    assert "db_kwargs" not in config.JupyterHub
