"""The whole state of a campus in PostgreSQL, by one URL."""

import pytest
import sqlalchemy as sa
from campus_under_test import local_campus
from postgres import private_postgres
from ready import until_ready

pytestmark = pytest.mark.postgres

COURSE = "gpu-numba"


def test_one_url_moves_everything_to_postgresql() -> None:
    """Hub, spawns and exchange keep their tables there, and a server survives the hub as ever."""
    with private_postgres() as url, local_campus(database=url) as campus:
        ada = campus.person("ada")
        ada.start(COURSE, {"course": COURSE})
        ada.until_ready(COURSE)
        started = ada.server_started(COURSE)
        campus.kill()
        campus.start()
        assert campus.person("ada").server_started(COURSE) == started
        until_ready(campus)
        assert ada.exchange("GET", f"courses/{COURSE}/releases").json()
        assert not list(campus.settings.state.glob("*.sqlite"))
        engine = sa.create_engine(url)
        tables = set(sa.inspect(engine).get_table_names())
        engine.dispose()
        assert {"users", "campus_spawns", "submissions"} <= tables
