"""Courses as their files are now: a course that is added or changed needs no restart."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hpcampus_spawner.models import BadFile

from hpcampus_courses.model import Course

log = logging.getLogger("hpcampus.courses")

LOOK_SECONDS = 1.0
_Stamp = tuple[tuple[Path, int, int, int], ...]


class LiveCourses(Mapping[str, Course]):
    """The courses by slug, read again when one of their files has changed.

    A file that became wrong leaves its course as it was and says so in the log; one that was never right
    is left out.
    """

    def __init__(self, find: Callable[[], list[Path]], read: Callable[[Path], Course]) -> None:
        self._find, self._read = find, read
        self._looked = time.monotonic()
        self._stamp = self._now()
        self._courses = {course.slug: course for course in map(read, find())}

    def __getitem__(self, slug: str) -> Course:
        return self._current()[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> Mapping[str, Course]:
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            try:
                self._look()
            except BadFile as problem:
                log.error("the courses stay as they were: %s", problem)
        return self._courses

    def _look(self) -> None:
        stamp = self._now()
        if stamp != self._stamp:
            self._courses, self._stamp = self._read_all(), stamp

    def _read_all(self) -> dict[str, Course]:
        found = {}
        for path in self._find():
            try:
                course = self._read(path)
            except BadFile as problem:
                log.error("a course stays as it was: %s", problem)
                earlier = self._courses.get(path.parent.name)
                if earlier is None:
                    continue
                course = earlier
            found[course.slug] = course
        return found

    def _now(self) -> _Stamp:
        stamps = []
        for path in self._find():
            try:
                status = path.stat()
            except OSError:
                continue  # it went away just now
            stamps.append((path, status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(stamps)
