"""The first opening of a gradebook, by several at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.new_gradebook import ensure_gradebook
from nbgrader.api import Gradebook

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
TOGETHER = 6


def opened(folder: CourseFolder) -> Gradebook:
    return Gradebook(f"sqlite:///{folder.path}/gradebook.db", folder.course)


def test_all_who_come_at_once_find_a_whole_one(tmp_path: Path) -> None:
    """As the server that prepares a course and an instructor who opens Formgrader meanwhile."""
    folder, at_once = CourseFolder("squares", tmp_path), Barrier(TOGETHER)
    folder.path.mkdir()

    def come(_: int) -> int:
        at_once.wait(10)
        ensure_gradebook(folder)
        with opened(folder) as gradebook:
            return len(gradebook.assignments)

    with ThreadPoolExecutor(TOGETHER) as people:
        assert list(people.map(come, range(TOGETHER))) == [0] * TOGETHER
    assert sorted(path.name for path in folder.path.iterdir()) == [".grading.lock", "gradebook.db"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    folder = CourseFolder("squares", tmp_path)
    folder.path.mkdir()
    ensure_gradebook(folder)
    with opened(folder) as gradebook:
        gradebook.add_assignment("a1")
    ensure_gradebook(folder)
    with opened(folder) as gradebook:
        assert [one.name for one in gradebook.assignments] == ["a1"]
