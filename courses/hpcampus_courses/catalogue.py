"""The courses in a folder: `<folder>/<slug>/course.yaml`, and `source/<assignment>/` beside each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

from hpcampus_spawner.models import BadFile

from hpcampus_courses.live import LiveCourses
from hpcampus_courses.model import Course

COURSE_FILE = "course.yaml"


@dataclass(frozen=True)
class Catalogue:
    """Every course of a folder, by slug."""

    folder: Path
    courses: Mapping[str, Course]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read every course; raises `BadFile` when one is wrong, misnamed or lacks a notebook it promises."""
        courses = [_checked(path) for path in _files(folder)]
        return cls(folder=folder, courses=MappingProxyType({course.slug: course for course in courses}))

    @classmethod
    def follow(cls, folder: Path) -> Self:
        """The same, but `courses` are read again when their files change; raises `BadFile` only now."""
        return cls(folder=folder, courses=LiveCourses(lambda: _files(folder), _checked))

    def course(self, slug: str) -> Course:
        """The course of that slug; raises LookupError with the slugs that exist."""
        if slug not in self.courses:
            known = ", ".join(self.courses) or "none"
            raise LookupError(f"there is no course {slug!r}; there are: {known}")
        return self.courses[slug]

    def source(self, course_slug: str, assignment_slug: str) -> Path:
        """The folder with the instructor's version of an assignment; raises LookupError for unknown names."""
        course = self.course(course_slug)
        return self.folder / course.slug / "source" / course.assignment(assignment_slug).slug


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadFile(f"{folder}: there is no such folder of courses")
    return sorted(folder.glob(f"*/{COURSE_FILE}"))


def _checked(path: Path) -> Course:
    course = Course.load(path)
    if course.slug != path.parent.name:
        raise BadFile(f"{path}:\n  slug: is {course.slug!r}, but the folder is called {path.parent.name!r}")
    for index, assignment in enumerate(course.assignments):
        notebook = path.parent / "source" / assignment.slug / assignment.notebook
        if not notebook.is_file():
            raise BadFile(f"{path}:\n  assignments.{index}.notebook: there is no file {notebook}")
    return course
