"""What the server's process imports before the hub has answered: the real packages, as they are locked."""

import subprocess
import sys

HEAVY = (
    "sqlalchemy",
    "alembic",
    "jupyterhub.orm",
    "jupyterhub.handlers.base",
    "rfc3987_syntax.syntax_helpers",
    "nbgrader",
)


def test_the_quick_start_fits_the_locked_versions_and_leaves_out_what_only_a_hub_uses() -> None:
    argv = [sys.executable, "-P", "-X", "importtime", "-m", "hpcampus_spawner.server"]
    done = subprocess.run(argv, input="", capture_output=True, text=True, check=True)
    assert done.stdout == ""
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {"jupyter_server.serverapp", "jupyterlab.extensions"} <= imported
    assert [name for name in HEAVY if name in imported] == []


def test_what_was_left_out_can_be_imported_later() -> None:
    later = (
        "from hpcampus_spawner.server import main; main();"
        "import jupyterhub.orm, jupyterhub.roles, sqlalchemy, rfc3987_syntax; print(sqlalchemy.func.now())"
    )
    done = subprocess.run(
        [sys.executable, "-c", later], input="", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "now()\n"), done.stderr
