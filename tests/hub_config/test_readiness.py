"""Readiness is red whenever a start or a submission would fail, and says why: real trouble for a real hub."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from campus_under_test import CampusUnderTest, local_campus, private_folder, wait_for
from lab import Lab
from ready import ready, until_not_ready, until_ready

COURSE = "gpu-numba"
PROXY = Path(__file__).parents[1] / "faults" / "commands" / "configurable-http-proxy.sh"
DATABASES = ("hub", "spawns", "exchange")


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with local_campus() as campus:
        yield campus


def test_a_healthy_campus_is_ready(campus: CampusUnderTest) -> None:
    until_ready(campus)


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_that_somebody_locks_is_said_at_once(campus: CampusUnderTest, name: str) -> None:
    """Fault: another process holds the write lock. Expected: not ready, with the reason."""
    holder = sqlite3.connect(campus.settings.state / f"{name}.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in until_not_ready(campus, f"database {name}")
    finally:
        holder.close()
    until_ready(campus)


def test_a_database_file_that_was_moved_away_is_said_at_once(campus: CampusUnderTest) -> None:
    """Fault: the file is gone, while the hub's connections still work. Expected: not ready."""
    file = campus.settings.state / "spawns.sqlite"
    away = file.with_suffix(".away")
    file.rename(away)
    try:
        assert "spawns.sqlite is gone" in until_not_ready(campus, "database spawns")
    finally:
        away.rename(file)
    until_ready(campus)


def test_a_database_file_that_was_replaced_is_said(campus: CampusUnderTest) -> None:
    """Fault: a copy was put in its place. Expected: not ready, because the hub goes on with the old one."""
    file = campus.settings.state / "spawns.sqlite"
    away = file.with_suffix(".away")
    file.rename(away)
    file.write_bytes(away.read_bytes())
    try:
        assert "Restart the hub" in until_not_ready(campus, "database spawns")
    finally:
        away.rename(file)
    until_ready(campus)


def test_a_proxy_that_is_gone_is_said_and_comes_back(campus: CampusUnderTest) -> None:
    """Fault: SIGKILL for the proxy. Expected: the hub starts it again, with all routes. Kept: servers."""
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    started = ada.server_started(COURSE)
    os.kill(int((campus.settings.state / "proxy.pid").read_text()), signal.SIGKILL)
    until_again(campus)
    assert campus.person("ada").server_started(COURSE) == started
    ada.stop(COURSE)


def until_again(campus: CampusUnderTest) -> None:
    """Wait until a proxy answers again, and everything is ready."""

    def again() -> bool:
        # Without a proxy nothing answers; with one that knows no routes yet, only that proxy does.
        try:
            return ready(campus)[0] == 200
        except (requests.ConnectionError, requests.JSONDecodeError):
            return False

    wait_for(again, "the proxy is back", 60)


@pytest.fixture
def without_proxy(campus: CampusUnderTest) -> Iterator[Path]:
    """While this file exists, no proxy starts."""
    commands, switch = campus.settings.state / "commands", campus.settings.state / "no-proxy"
    commands.mkdir(mode=0o755)
    shutil.copy(PROXY, commands / "configurable-http-proxy")
    (commands / "configurable-http-proxy").chmod(0o755)
    restart_with(campus, commands)
    yield switch
    switch.unlink(missing_ok=True)
    until_again(campus)
    restart_with(campus, None)
    shutil.rmtree(commands)


def restart_with(campus: CampusUnderTest, commands: Path | None) -> None:
    campus.commands = commands
    campus.end()
    campus.start()


def test_a_proxy_that_stays_away_is_said(campus: CampusUnderTest, without_proxy: Path) -> None:
    """Fault: SIGKILL for the proxy, and no other one starts. Expected: not ready, for whoever asks the hub
    itself; ready again when a proxy can start."""
    without_proxy.touch()
    os.kill(int((campus.settings.state / "proxy.pid").read_text()), signal.SIGKILL)
    until_not_ready(campus, "proxy", past_the_proxy=True)
    without_proxy.unlink()
    until_again(campus)


def exchange_of(campus: CampusUnderTest) -> psutil.Process:
    assert campus.process is not None
    children = psutil.Process(campus.process.pid).children()
    (found,) = [child for child in children if "hpcampus_grading.service" in child.cmdline()]
    return found


def test_an_exchange_that_hangs_or_is_gone_is_said_and_comes_back(campus: CampusUnderTest) -> None:
    """Fault: SIGSTOP for the exchange, then SIGKILL. Expected: not ready, until the hub has made another."""
    until_ready(campus)
    exchange = exchange_of(campus)
    family = [exchange, *exchange.children()]  # the one that starts the others, and those that answer
    for process in family:
        process.suspend()
    assert "no answer within" in until_not_ready(campus, "exchange")
    for process in family:
        process.kill()
    wait_for(lambda: "nobody answers" in ready(campus)[1].get("exchange", ""), "it is said that it is gone")
    until_ready(campus)
    assert exchange_of(campus).pid != exchange.pid


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 128 MiB."""
    folder = private_folder()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m,mode=711", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.mark.root
def test_a_full_disk_is_said_and_ends_nothing(small_disk: Path) -> None:
    """Fault: no byte is free where the databases are. Expected: not ready, and ready again when there is
    room, without a restart. Kept: the kernel."""
    (small_disk / "state").mkdir(mode=0o711)
    fill = small_disk / "filled"
    with local_campus(state=small_disk / "state") as campus:
        ada, ben = campus.person("ada"), campus.person("ben")
        ada.start(COURSE, {"course": COURSE})
        ada.until_ready(COURSE)
        kernel = Lab(ada, COURSE).kernel()
        until_ready(campus)
        try:
            with pytest.raises(OSError, match="No space"):
                fill.write_bytes(bytes(128 << 20))
            databases = [f"database {name}" for name in DATABASES]
            assert "is full but for" in until_not_ready(campus, *databases, "exchange")
        finally:
            fill.unlink()
        until_ready(campus)
        kernel.is_kept()
        ben.start(COURSE, {"course": COURSE})
        ben.until_ready(COURSE)
