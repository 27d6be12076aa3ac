"""A receipt means: the bytes, their name, the folder and the row are on the disk, in this order."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hpcampus_courses import Assignment
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.ledger import Ledger, Upload
from hpcampus_grading.store import DamagedFile, Store
from sqlalchemy import event, text

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Ledger:
    return Ledger(database, Store(tmp_path / "store"), clock=lambda: NOON)


def submit(ledger: Ledger, content: bytes = b"work", due: datetime | None = None) -> tuple[Any, bool]:
    """Submit some bytes as ada."""
    assignment = Assignment(slug="lesson1", title="Sums", points=3, due=due)
    with ledger.store.incoming() as file:
        file.write(content)
        return ledger.submit("sums", assignment, "ada", Upload(file, len(content), ()))


def test_everything_is_on_the_disk_before_the_receipt(
    ledger: Ledger, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_sync, real_rename = os.fsync, Path.rename

    def sync(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path / "store")
        steps.append(f"sync {place.parts[0]}/{len(place.parts)}")
        real_sync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    event.listen(database.engine, "commit", lambda _: steps.append("commit"))
    submit(ledger)
    assert steps == ["sync incoming/2", "rename", "sync objects/2", "sync objects/1", "commit"]


def test_a_failure_before_the_commit_leaves_no_submission(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            submit(ledger)
    assert ledger.submissions(["sums"]) == ()
    assert list((ledger.store.folder / "incoming").iterdir()) == []
    receipt, new = submit(ledger)
    assert (new, ledger.store.path(receipt.sha256).read_bytes()) == (True, b"work")


def test_commits_reach_the_disk(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/exchange.sqlite")
    with database.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
    database.close()


def test_stored_files_never_change(ledger: Ledger) -> None:
    receipt, _ = submit(ledger)
    path = ledger.store.path(receipt.sha256)
    before = path.stat()
    submit(ledger)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o077 == 0
    path.chmod(0o600)
    path.write_bytes(b"other work")
    with pytest.raises(DamagedFile, match="has changed since it was stored"):
        ledger.store.path(receipt.sha256)


def test_what_a_crash_left_is_swept_away(ledger: Ledger) -> None:
    incoming = ledger.store.folder / "incoming"
    for name, age in (("of a crash", 48), ("of an upload that runs", 1)):
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (time.time() - age * 3600,) * 2)
    ledger.store.sweep()
    assert [path.name for path in incoming.iterdir()] == ["of an upload that runs"]


def test_lateness_is_recorded_by_the_servers_clock(ledger: Ledger) -> None:
    for content, due, late in ((b"1", None, None), (b"2", NOON, 0), (b"3", NOON - timedelta(minutes=2), 120)):
        receipt, _ = submit(ledger, content, due)
        found = ledger.submission(receipt.id)
        assert found is not None
        assert (found.receipt.received_at, found.late_seconds) == (NOON, late)


def test_the_same_content_again_is_the_same_receipt(ledger: Ledger) -> None:
    first, _ = submit(ledger)
    assert submit(ledger) == (first, False)
    assert submit(ledger, b"better")[1]
    assert submit(ledger)[1]  # the earlier version again, after another one, is a new submission
