"""The exchange's database in trouble: locked, moved away, full. What was acknowledged is never lost."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from campus_under_test import wait_for
from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.submitting import submit_folder

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer

FILE = "exchange.sqlite"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite, in a folder of its own; PostgreSQL's troubles are rehearsed elsewhere."""
    (tmp_path / "database").mkdir(exist_ok=True)
    return f"sqlite:///{tmp_path}/database/{FILE}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The database's disk has 2 MiB."""
    folder = tmp_path / "database"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def healthy(service: Service) -> bool:
    """Whether the exchange says that it would take a submission."""
    return service.request("GET", "health").ok


def listed(service: Service, token: str) -> set[str]:
    """The submissions that the exchange knows."""
    return {entry["receipt"]["id"] for entry in service.request("GET", "submissions", token).json()}


def test_a_lock_only_makes_it_wait(service: Service, hub: StubHub, tmp_path: Path) -> None:
    """Fault 23: another process holds the database. Expected: who submits meanwhile is acknowledged after."""
    ada = hub.add("ada", "sums")
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "lesson1.ipynb").write_text(
        json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    holder = sqlite3.connect(tmp_path / "database" / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    client = Client(service.url, ada)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.submit, "sums", "lesson1", folder, [folder / "lesson1.ipynb"])
        # Its file is stored by now, and only the database keeps it from an answer.
        wait_for(lambda: list((tmp_path / "store" / "objects").glob("*/*")), "the submission is in the store")
        assert not waiting.done()
        assert healthy(service)  # it would be taken, only later
        holder.rollback()
        receipt = waiting.result(60)
    holder.close()
    assert listed(service, ada) == {receipt.id}


def test_nothing_is_written_into_a_file_that_was_moved_away(
    service: Service, hub: StubHub, tmp_path: Path
) -> None:
    """Fault 24: the file is gone, though SQLite would go on with it. Expected: refused, until it is back."""
    ada = hub.add("ada", "sums")
    before = service.request("POST", SUBMIT, ada, data=answer("before")).json()["id"]
    file, away = tmp_path / "database" / FILE, tmp_path / "away"
    away.mkdir()
    for part in file.parent.iterdir():
        part.rename(away / part.name)
    assert not healthy(service)
    for number in range(10):  # whichever process and connection it is
        assert service.request("POST", SUBMIT, ada, data=answer(f"lost {number}")).status_code == 503
    for part in file.parent.iterdir():
        part.unlink()
    for part in away.iterdir():
        part.rename(file.parent / part.name)
    wait_for(lambda: healthy(service), "it is back")
    wait_for(lambda: service.request("POST", SUBMIT, ada, data=answer("after")).ok, "it takes submissions")
    assert before in listed(service, ada)
    assert len(listed(service, ada)) == 2


@pytest.mark.root
def test_a_full_disk_refuses_and_recovers_by_itself(
    small_disk: Path, service: Service, hub: StubHub, tmp_path: Path
) -> None:
    """Fault 25: the database's disk is full. Expected: refused in words, and no restart when it is freed."""
    ada = hub.add("ada", "sums")
    acknowledged = {service.request("POST", SUBMIT, ada, data=answer("before")).json()["id"]}
    (small_disk / "filled").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    refused = 0
    for number in range(200):
        reply = service.request("POST", SUBMIT, ada, data=answer(f"x = {number}"))
        if reply.ok:
            acknowledged.add(reply.json()["id"])
        else:
            assert reply.status_code in (503, 507)
            assert "Nothing was stored" in reply.json()["detail"]
            refused += 1
            break
    assert refused == 1
    (small_disk / "filled").unlink()
    acknowledged.add(service.request("POST", SUBMIT, ada, data=answer("after")).json()["id"])
    assert listed(service, ada) == acknowledged


@pytest.mark.root
def test_a_full_home_is_said_before_anything_is_sent(service: Service, hub: StubHub, tmp_path: Path) -> None:
    """Fault 29: the learner's quota is used up. Expected: refused before there is a receipt to lose."""
    ada = hub.add("ada", "sums")
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)], check=True)
    try:
        (home / "lesson1.ipynb").write_bytes(b"{}")
        with pytest.raises(OSError, match="No space"):
            (home / "filled").write_bytes(bytes(2 << 20))
        with pytest.raises(ExchangeProblem, match=r"Nothing was submitted: .* home is full"):
            submit_folder(Client(service.url, ada), "sums", "lesson1", home)
        assert listed(service, ada) == set()
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
