"""A private PostgreSQL in a folder of its own, reachable through a socket in that folder only."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

PROGRAMS = Path("/usr/lib/postgresql")
START_SECONDS = 30


class Postgres:
    """One server in a folder; PostgreSQL refuses to run as root, so root becomes `nobody` for it."""

    def __init__(self, folder: Path) -> None:
        self._programs = max(PROGRAMS.glob("*/bin/initdb")).parent
        self._folder = folder
        self._become: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
            self._become |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        self.url = f"postgresql+psycopg://campus@/postgres?host={folder}"

    def create(self) -> None:
        """Make the database. The folder is private, so whoever reaches the socket may come in."""
        initdb = [str(self._programs / "initdb"), "-D", "data", "-U", "campus", "--auth=trust"]
        subprocess.run([*initdb, "--no-sync", "-E", "UTF8"], check=True, capture_output=True, **self._become)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._server = subprocess.Popen(
            [self._programs / "postgres", "-D", "data", "-k", self._folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._become,
        )
        _wait(self._server, self.url)

    def end(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT closes all connections in order, SIGQUIT is `pg_ctl -m immediate`, as in a crash."""
        self._server.send_signal(number)
        self._server.wait(START_SECONDS)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hpcampus-postgres-", dir="/var/tmp"))
    server = Postgres(folder)
    server.create()
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder)


@contextmanager
def private_postgres() -> Iterator[str]:
    """The URL of a running server's database."""
    with postgres() as server:
        yield server.url


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert server.poll() is None, "PostgreSQL ended while starting"
        try:
            engine.connect().close()
            return
        except sa.exc.OperationalError:
            assert time.monotonic() < deadline, f"PostgreSQL didn't answer within {START_SECONDS} s"
            time.sleep(0.05)
