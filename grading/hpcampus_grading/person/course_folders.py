"""What an instructor's course folder has of a person: nbgrader's folders, gradebooks, and our pages."""

import json
import mmap
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.folders import remove_folder
from hpcampus_grading.person.rows import as_word

GRADEBOOK = "gradebook.db"
_OURS = ("similarity",)
# The instructor's own work: a learner may be called like an assignment.
_NOT_THEIRS = ("source", "release")


@dataclass(frozen=True)
class ErasedFromFolder:
    """What went, and which files still name the person."""

    folders: int
    gradebooks: int
    pages: int
    mentions: tuple[Path, ...]


def erase_from(folder: CourseFolder, name: str) -> ErasedFromFolder:
    """Erase somebody, while nobody grades; what is left to look at is somebody's own files."""
    with folder.alone():
        theirs = folders_of(folder.path, name)
        for place in theirs:
            remove_folder(place)
        gradebooks = sum(_forget(path, name) for path in folder.path.rglob(GRADEBOOK))
        pages = [page for part in _OURS for page in _naming(folder.path / part, name)]
        for page in pages:
            page.unlink()
    return ErasedFromFolder(len(theirs), gradebooks, len(pages), tuple(_naming(folder.path, name)))


def export_from(folder: CourseFolder, name: str, archive: ZipFile) -> int:
    """Add their folders, and what the gradebooks say; answers how many folders."""
    theirs = folders_of(folder.path, name)
    for place in theirs:
        for path in sorted(place.rglob("*")):
            if path.is_file() and not path.is_symlink():
                archive.write(path, f"course folder/{folder.course}/{path.relative_to(folder.path)}")
    for path in folder.path.rglob(GRADEBOOK):
        said = list(_recorded(path, name))
        if said:
            where = f"course folder/{folder.course}/{path.relative_to(folder.path)}.json"
            archive.writestr(where, json.dumps(said, indent=1, ensure_ascii=False))
    return len(theirs)


def folders_of(root: Path, name: str) -> list[Path]:
    """Their folders in each of nbgrader's steps, also in what was put aside."""
    found = []
    for place, folders, _ in os.walk(root):
        if Path(place) == root:
            folders[:] = [folder for folder in folders if folder not in _NOT_THEIRS]
        if name in folders:
            found.append(Path(place, name))
            folders.remove(name)
    return sorted(found)


def _forget(path: Path, name: str) -> bool:
    """Take a student out of a gradebook, and what was deleted out of its file."""
    from nbgrader.api import Gradebook, MissingEntry  # noqa: PLC0415 (slow, and the hub's machine has none)

    with Gradebook(f"sqlite:///{path}") as gradebook:
        try:
            for assignment in list(gradebook.assignments):
                _remove(gradebook, assignment.name, name, MissingEntry)
            gradebook.remove_student(name)
            known = True
        except MissingEntry:
            known = False
    with closing(sqlite3.connect(path, isolation_level=None, timeout=15)) as connection:
        connection.execute("VACUUM")
    return known


def _remove(gradebook: Any, assignment: str, name: str, missing: type[Exception]) -> None:
    try:
        gradebook.remove_submission(assignment, name)
    except missing:
        return


def _recorded(path: Path, name: str) -> Iterator[dict[str, Any]]:
    from nbgrader.api import Gradebook, MissingEntry  # noqa: PLC0415

    from hpcampus_grading.recording import cells_of  # noqa: PLC0415

    with Gradebook(f"sqlite:///{path}") as gradebook:
        for assignment in gradebook.assignments:
            try:
                entry = gradebook.find_submission(assignment.name, name)
            except MissingEntry:
                continue
            cells = [cell.model_dump() for cell in cells_of(entry)]
            yield {"assignment": assignment.name, "score": entry.score, "cells": cells}


def _naming(root: Path, name: str) -> list[Path]:
    """Files that hold the name as a word."""
    word = as_word(name)
    return [path for path in sorted(root.rglob("*")) if path.is_file() and _holds(path, word)]


def _holds(path: Path, word: Any) -> bool:
    if word.search(os.fsencode(path.name)):
        return True
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return word.search(content) is not None
