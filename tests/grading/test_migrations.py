"""The tables come from the migrations alone, on both databases, and what was there before is kept."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hpcampus_grading import migrations
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.store import Store
from hpcampus_grading.tables import REVISION, VERSION_TABLE, Base

MIGRATIONS = Path(migrations.__file__).parent


def test_the_migrations_make_the_tables_that_the_code_expects(database_url: str) -> None:
    database = open_database(database_url)
    assert database.is_current()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
        # JupyterHub has migrations too, and may live in the same database.
        assert not sa.inspect(connection).has_table("alembic_version")
    database.close()


def test_only_the_last_of_the_steps_makes_a_database_current(database_url: str) -> None:
    steps = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
    assert steps[-1] == REVISION
    database = Database(database_url)
    assert not database.is_current()
    for step in steps:
        database.migrate(step)
        assert database.is_current() == (step == REVISION)
    database.close()


def test_a_database_from_before_the_migrations_keeps_its_submissions(
    database_url: str, tmp_path: Path
) -> None:
    old = Database(database_url)
    old.migrate("0001")
    with old.engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
        connection.execute(
            sa.text(
                "INSERT INTO submissions"
                " (id, course, assignment, learner, attempt, received_at, sha256, size, files)"
                " VALUES (:id, 'sums', 'lesson1', 'ada', 1, '2026-05-01 12:00:00', :sha256, 4, '[]')"
            ),
            {"id": "a" * 32, "sha256": "b" * 64},
        )
    old.close()
    database = open_database(database_url)
    (found,) = Ledger(database, Store(tmp_path / "store")).submissions(["sums"])
    database.close()
    assert (found.receipt.id, found.receipt.learner, found.receipt.signature) == ("a" * 32, "ada", None)


def test_several_processes_may_start_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        for database in pool.map(open_database, [database_url] * 6):
            database.close()


def test_they_need_no_program_and_no_folder(tmp_path: Path) -> None:
    program = (
        f"from hpcampus_grading.database import open_database; open_database('sqlite:///{tmp_path}/x.db')"
    )
    environment = {"PATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


def test_what_is_written_down_is_not_taken_back(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    database = open_database(f"sqlite:///{tmp_path}/x.db")
    config = Config()
    config.set_main_option("script_location", "hpcampus_grading:migrations")
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(RuntimeError, match="Restore a backup"):
            command.downgrade(config, "0001")
    database.close()
