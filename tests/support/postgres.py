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


@contextmanager
def private_postgres() -> Iterator[str]:
    """Start a server and give the URL of its database; nothing of it is left afterwards.

    PostgreSQL refuses to run as root, so root becomes `nobody` for it.
    """
    programs = max(PROGRAMS.glob("*/bin/initdb")).parent
    folder = Path(tempfile.mkdtemp(prefix="hpcampus-postgres-", dir="/var/tmp"))
    become: dict[str, Any] = {"cwd": folder}
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", "nogroup")
        become |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
    # The folder is private, so whoever reaches the socket may come in.
    initdb = [
        str(programs / "initdb"),
        "-D",
        "data",
        "-U",
        "campus",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, capture_output=True, **become)
    server = subprocess.Popen(
        [programs / "postgres", "-D", "data", "-k", folder, "-c", "listen_addresses=", "-F"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **become,
    )
    try:
        url = f"postgresql+psycopg://campus@/postgres?host={folder}"
        _wait(server, url)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(START_SECONDS)
        shutil.rmtree(folder)


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
