"""A new course: what it is called, and what is never written over."""

from pathlib import Path

import pytest
from hpcampus_courses import BadFile, Catalogue
from hpcampus_courses.lint import lint
from hpcampus_courses.scaffold import write_course


def test_a_new_course_is_complete(tmp_path: Path) -> None:
    folder = write_course(tmp_path, "sums", 'Sums: "how" & why')
    course = Catalogue.load(tmp_path).course("sums")
    assert course.title == 'Sums: "how" & why'
    assert (course.roster, course.instructors) == ("sums", "sums-instructors")
    (assignment,) = course.assignments
    notebook = folder / "source" / assignment.slug / assignment.notebook
    assert list(lint(notebook, assignment, folder)) == []


@pytest.mark.parametrize("slug", ["Sums", "../sums", "s", "my course", "9lives"])
def test_a_name_that_no_course_can_have_is_refused(tmp_path: Path, slug: str) -> None:
    with pytest.raises(BadFile, match="can't name a course"):
        write_course(tmp_path / "courses", slug, "Sums")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "sums").mkdir()
    with pytest.raises(BadFile, match="there already"):
        write_course(tmp_path, "sums", "Sums")
    assert list((tmp_path / "sums").iterdir()) == []
