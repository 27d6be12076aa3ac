"""Every notebook that is shipped: well-formed, without outputs, one tree of headings, the right points."""

from pathlib import Path

import nbformat
import pytest
from hpcampus_courses import Assignment, Catalogue, Course
from hpcampus_courses.lint import form, headings, lint
from hpcampus_courses.notebook import Notebook

ROOT = Path(__file__).parents[2]
CATALOGUE = Catalogue.load(ROOT / "courses")
LESSONS = [(course, lesson) for course in CATALOGUE.courses.values() for lesson in course.assignments]
RESEARCHERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY = [*sorted((ROOT / "courses").rglob("*.ipynb")), *RESEARCHERS]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_is_valid_and_for_python(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("path", RESEARCHERS, ids=lambda path: path.stem)
def test_a_notebook_for_researchers_is_well_formed(path: Path) -> None:
    notebook = Notebook.load(path)
    assert [*form(notebook), *headings(notebook)] == []


@pytest.mark.parametrize(("course", "lesson"), LESSONS, ids=lambda one: one.slug)
def test_a_lesson_is_as_the_check_of_courses_wants_it(course: Course, lesson: Assignment) -> None:
    path = CATALOGUE.source(course.slug, lesson.slug) / lesson.notebook
    assert list(lint(path, lesson, ROOT / "courses" / course.slug)) == []


@pytest.mark.parametrize(("course", "lesson"), LESSONS, ids=lambda one: one.slug)
def test_a_lesson_says_what_one_learns_and_how_long_it_takes(course: Course, lesson: Assignment) -> None:
    assert lesson.outcomes
    assert lesson.hours
