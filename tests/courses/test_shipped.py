"""Every lesson that is shipped, as `campus course check` looks at it.

With CAMPUS_LESSONS=all, as in `make test-courses`, all answers and all mutants of all lessons are tried.
Otherwise all answers to the first lesson are, and no mutants.
"""

import os
from pathlib import Path

import pytest
from hpcampus_courses import Catalogue
from hpcampus_grading.rehearsal import Depth, rehearse

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore")]  # nbgrader's own

COURSES = Path(__file__).parents[2] / "courses"
CATALOGUE = Catalogue.load(COURSES)
EVERYTHING = os.environ.get("CAMPUS_LESSONS") == "all"
LESSONS = [(course.slug, one.slug) for course in CATALOGUE.courses.values() for one in course.assignments]
# Other tests share the machine: how long a lesson takes is for whoever runs the command.
ANY_TIME = 24 * 3600.0


@pytest.mark.parametrize(("course", "lesson"), LESSONS if EVERYTHING else LESSONS[:1])
def test_all_answers_earn_what_they_should(course: str, lesson: str) -> None:
    depth = Depth(ANY_TIME, ANY_TIME, Depth.mutants if EVERYTHING else None)
    found = CATALOGUE.course(course)
    report = rehearse(found, found.assignment(lesson), COURSES / course, depth)
    assert report.passed, str(report)
