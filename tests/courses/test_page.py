"""Each course has a page, which says what its course.yaml says."""

import pytest
from house import ROOT
from hpcampus_courses import Catalogue
from hpcampus_courses.page import course_page

COURSES = Catalogue.load(ROOT / "courses")


@pytest.mark.parametrize("slug", COURSES.courses)
def test_the_page_is_what_the_course_says(slug: str) -> None:
    page = (ROOT / "docs" / "courses" / f"{slug}.md").read_text(encoding="utf-8")
    assert page == course_page(COURSES.course(slug)), f"campus course page {slug} writes it anew"


def test_a_page_names_all_that_one_decides_by() -> None:
    course = COURSES.course("gpu-numba")
    page = course_page(course)
    for said in (course.title, course.licence, *course.outcomes, "1 GPU where there is one"):
        assert said in page
    for assignment in course.assignments:
        assert f"### {assignment.title}" in page
        assert f"{assignment.points} points" in page
        assert all(outcome in page for outcome in assignment.outcomes)
