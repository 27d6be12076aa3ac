"""The store: files named by their sha256, written once, never changed.

A file counts as stored only when it, its name and the folder that holds the name are on the disk. Only then
may the database mention it, and only after that may anybody be told.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

_CHUNK = 1 << 20


class DamagedFile(RuntimeError):
    """A stored file no longer has the content that its name promises."""


class Store:
    """A folder of immutable files; every method may be called from any thread or process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._incoming = folder / "incoming"
        for needed in (folder, self._incoming, folder / "objects"):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A temporary file on the store's own disk, removed at the end unless it was kept."""
        with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
            try:
                yield cast(BinaryIO, file.file)
            finally:
                Path(file.name).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a crash left half received; a day is longer than any upload takes."""
        yesterday = time.time() - 24 * 3600
        for path in self._incoming.iterdir():
            if path.stat().st_mtime < yesterday:
                path.unlink(missing_ok=True)

    def keep(self, file: BinaryIO) -> str:
        """Make an incoming file permanent and answer its sha256; returns only once it is on the disk."""
        file.flush()
        file.seek(0)
        sha256 = _sha256(file)
        target = self._path(sha256)
        if not target.exists():
            self._move(file, target)
        # Also when it was there already: whoever wrote it may not have come this far yet.
        for folder in (target.parent, target.parent.parent):
            _sync_folder(folder)
        return sha256

    def make_sure(self, file: BinaryIO, sha256: str) -> None:
        """Keep a file again that `keep_only` took for nobody's just now; its writer holds the turn."""
        if not self._path(sha256).exists():
            self.keep(file)

    def _move(self, file: BinaryIO, target: Path) -> None:
        if not Path(file.name).exists():  # it was kept before, and removed
            file.seek(0)
            with self.incoming() as again:
                shutil.copyfileobj(file, again)
                again.flush()
                self._move(again, target)
            return
        os.fchmod(file.fileno(), 0o400)
        os.fsync(file.fileno())
        target.parent.mkdir(mode=0o700, exist_ok=True)
        Path(file.name).rename(target)

    def keep_only(self, wanted: Container[str]) -> int:
        """Remove every other file, and answer how many these were.

        The caller holds the turn of `Database.writing`, under which every writer makes sure of its own file.
        """
        removed = 0
        for path in (self.folder / "objects").glob("??/*"):
            if path.name not in wanted:
                path.unlink()
                removed += 1
        return removed

    def path(self, sha256: str) -> Path:
        """Where a stored file lies, after checking its content; raises `DamagedFile`."""
        path = self._path(sha256)
        try:
            with path.open("rb") as file:
                intact = _sha256(file) == sha256
        except OSError as error:
            raise DamagedFile(f"{path} can't be read: {error}") from error
        if not intact:
            raise DamagedFile(f"{path} has changed since it was stored")
        return path

    def _path(self, sha256: str) -> Path:
        return self.folder / "objects" / sha256[:2] / sha256


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
