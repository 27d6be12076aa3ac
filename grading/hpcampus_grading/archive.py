"""One zip per submission: packed the same way every time, and opened as if an enemy had made it.

The same files always give the same bytes, so the sha256 of the zip names its content, and a learner can
check a receipt against what they have.
"""

import fnmatch
import hashlib
import io
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Self

from hpcampus_courses import Accepts
from hpcampus_spawner.models import Model
from pydantic import Field

from hpcampus_grading.messages import FileEntry
from hpcampus_grading.notebooks import check_notebook

# Never sent: what tools leave behind, and what the exchange itself put beside the notebook.
IGNORED = (".ipynb_checkpoints", "__pycache__", "*.pyc", ".DS_Store", ".git")
OURS = ("feedback", "receipts")

_EPOCH = (1980, 1, 1, 0, 0, 0)
_END_OF_ZIP = struct.Struct("<4s4H2LH")
_LOCATOR_SIZE = 20  # of the second table of contents that zips beyond 4 GiB have
_CHUNK = 1 << 20


class Limits(Model):
    """How large an archive may be; sizes in bytes."""

    packed: int = Field(default=50 << 20, description="the zip itself")
    unpacked: int = Field(default=200 << 20, description="all its files together")
    notebook: int = Field(default=20 << 20, description="one notebook")
    files: int = 1000
    depth: int = 16
    path: int = Field(default=500, description="one path, in UTF-8 bytes")
    types: tuple[str, ...] | None = Field(default=None, description="how files' names may end; None: any")

    def narrowed(self, accepts: Accepts) -> Self:
        """These limits, or what an assignment accepts where that is less."""
        return self.model_copy(
            update={
                "packed": min(self.packed, accepts.mib << 20),
                "files": min(self.files, accepts.files),
                "types": accepts.types,
            }
        )


class BadArchive(ValueError):
    """Files that can't be accepted; the message says which one, why, and what to do."""


class TooLarge(BadArchive):
    """More than the limits allow."""


def files_to_pack(
    folder: Path, ignore: Iterable[str] = IGNORED, skip: Iterable[str] = OURS
) -> Iterator[Path]:
    """Regular files below the folder, in a fixed order; links and special files are left out, never followed.

    `ignore` are globs for names at any depth, `skip` names at the top only.
    """
    patterns, top = tuple(ignore), frozenset(skip)
    for root, folders, names in os.walk(folder):
        here = Path(root)
        wanted = [n for n in folders if not _ignored(n, patterns) and not (here == folder and n in top)]
        folders[:] = sorted(wanted)
        for name in sorted(names):
            if not _ignored(name, patterns) and stat.S_ISREG((here / name).lstat().st_mode):
                yield here / name


def _ignored(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


def pack(folder: Path, target: BinaryIO, files: Iterable[Path] | None = None) -> None:
    """Write the files of a folder as a zip that depends on their names and content only."""
    chosen = files_to_pack(folder) if files is None else files
    named = sorted((path.relative_to(folder).as_posix(), path) for path in chosen)
    pack_bytes(((name, path.read_bytes()) for name, path in named), target)


def pack_bytes(files: Iterable[tuple[str, bytes]], target: BinaryIO) -> None:
    """Write named contents as a deterministic zip; the caller gives them in order."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(unicodedata.normalize("NFC", name), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3  # Unix, whatever machine packs it
            archive.writestr(entry, content, compresslevel=6)


def inspect(path: Path, limits: Limits) -> tuple[FileEntry, ...]:
    """Check an archive from a stranger without unpacking it to disk; raises `BadArchive` or `BadNotebook`.

    Every byte is read once: sizes are counted and not believed, checksums are verified, notebooks are parsed.
    """
    with path.open("rb") as file:
        return _inspect(file, limits)


def _inspect(file: BinaryIO, limits: Limits) -> tuple[FileEntry, ...]:
    _check_directory(file, limits)
    try:
        with zipfile.ZipFile(file) as archive:
            return _inspected(archive, limits)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise BadArchive(f"The upload is not a zip file that can be read: {error}.") from error


def sha256_of(path: Path) -> str:
    """The hash of one file's content, as `FileEntry` has it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(path: Path, folder: Path, limits: Limits) -> tuple[FileEntry, ...]:
    """Check an archive, then write its files below a folder."""
    with path.open("rb") as file:
        return unpack_file(file, folder, limits)


def unpack_file(file: BinaryIO, folder: Path, limits: Limits) -> tuple[FileEntry, ...]:
    """The same for one that is open, or in memory."""
    entries = _inspect(file, limits)
    with zipfile.ZipFile(file) as archive:
        for entry in entries:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry.path))
    return entries


def _check_directory(file: BinaryIO, limits: Limits) -> None:
    """Refuse a huge or unusual table of contents before anything parses it."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_OF_ZIP.size - _LOCATOR_SIZE))
    before, end = (tail := file.read())[: -_END_OF_ZIP.size], tail[-_END_OF_ZIP.size :]
    if len(end) < _END_OF_ZIP.size or not end.startswith(b"PK\x05\x06") or end[-2:] != b"\0\0":
        raise BadArchive("The upload is not a zip file, or it carries a comment: send a plain zip file.")
    if before.startswith(b"PK\x06\x07"):
        raise BadArchive("The upload is a zip file for more than 4 GiB: send a plain zip file.")
    _, _, _, _, entries, directory, _, _ = _END_OF_ZIP.unpack(end)
    if entries > limits.files or directory > limits.files * (limits.path + 200):
        raise TooLarge(
            f"There are too many files: {limits.files} are allowed. Remove the ones you don't need."
        )


def _inspected(archive: zipfile.ZipFile, limits: Limits) -> tuple[FileEntry, ...]:
    members = archive.infolist()
    if len(members) > limits.files:
        raise TooLarge(
            f"There are too many files: {limits.files} are allowed. Remove the ones you don't need."
        )
    _check_names(members, limits)
    left = limits.unpacked
    entries = []
    for member in members:
        _check_kind(member, limits)
        entry = _read(archive, member, min(left, _limit_of(member, limits)))
        left -= entry.size
        entries.append(entry)
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _limit_of(member: zipfile.ZipInfo, limits: Limits) -> int:
    return limits.notebook if member.filename.endswith(".ipynb") else limits.unpacked


def _check_kind(member: zipfile.ZipInfo, limits: Limits) -> None:
    if limits.types is not None and Path(member.filename).suffix.lower() not in limits.types:
        raise BadArchive(
            f"{member.filename!r} can't be handed in, only files that end with {', '.join(limits.types)}. "
            "Move it out of the folder and submit again."
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.is_dir() or kind not in (0, stat.S_IFREG):
        raise BadArchive(
            f"{member.filename!r} is not a regular file (a link, a folder or a device): leave it out."
        )
    if member.flag_bits & 0x1:
        raise BadArchive(f"{member.filename!r} is encrypted: send it unencrypted.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(f"{member.filename!r} is compressed in a way that is not accepted: use deflate.")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> FileEntry:
    if member.file_size > limit:
        raise TooLarge(f"{member.filename!r} is too large once unpacked: {limit >> 20} MiB are left for it.")
    digest, size, kept = hashlib.sha256(), 0, bytearray()
    with archive.open(member) as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if member.filename.endswith(".ipynb"):
                kept += chunk
    if member.filename.endswith(".ipynb"):
        check_notebook(member.filename, bytes(kept))
    return FileEntry(path=member.filename, size=size, sha256=digest.hexdigest())


def _check_names(members: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    seen: dict[str, str] = {}
    for member in members:
        name = member.orig_filename
        problem = "it holds a NUL" if name != member.filename else _problem_with(name, limits)
        if problem:
            raise BadArchive(f"{name!r} can't be used as a file name ({problem}): rename it.")
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise BadArchive(f"{name!r} and {seen[folded]!r} differ in nothing or in case only: rename one.")
        seen[folded] = name
    for folded, name in seen.items():
        parents = folded.split("/")[:-1]
        if any("/".join(parents[: depth + 1]) in seen for depth in range(len(parents))):
            raise BadArchive(f"{name!r} lies below something that is itself a file: rename one of them.")


def _problem_with(name: str, limits: Limits) -> str | None:
    parts = name.split("/")
    if len(parts) > limits.depth or len(name.encode("utf-8", "surrogatepass")) > limits.path:
        return "the path is too long"
    if any(part in ("", ".", "..") or part != part.strip() for part in parts):
        return "a part of the path is empty, '.' or '..', or begins or ends with a space"
    if "\\" in name or not name.isprintable():
        return "it holds a character that is not printable, or a backslash"
    return None
