"""What `campus grade` does with what it has collected, and the feedback pages.

    python with_campus.py COURSE [WORKERS]

A submission is done when its scores are in the gradebook and its executed notebook is in its place.
"""

import sys
from pathlib import Path

from hpcampus_grading.batch.grading import grade_waiting
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.gradebook import CourseGradebook
from hpcampus_grading.messages import AssignmentInfo, CourseInfo
from hpcampus_grading.nbgrader_settings import configure
from hpcampus_grading.warm_nbgrader import warm_nbgrader
from laps import Laps, report
from nbgrader.converters import GenerateFeedback
from nbgraders import ASSIGNMENT, COURSE, convert, scores, settings


def main() -> None:
    """Grade, make feedback, and report."""
    course, workers = Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 1
    known = AssignmentInfo(
        slug=ASSIGNMENT, title="Homework", notebook="ps1.ipynb", points=14, due=None, released=True
    )
    info = CourseInfo(slug=COURSE, title="Bench", role="instructor", libraries=(), assignments=(known,))
    (course / "course.json").write_text(info.model_dump_json(), encoding="utf-8")
    submissions = len(list((course / "submitted").iterdir()))
    laps = Laps(submissions)
    batch = grade_waiting(
        CourseGradebook(CourseFolder(COURSE, course.parent)),
        ASSIGNMENT,
        Crew("here", workers),
        lambda done, _: laps.lap() if done else None,
    )
    assert not batch.problems, batch.problems
    config = settings(course)
    configure(config, {}, here=course)
    with warm_nbgrader():
        feedback = convert(GenerateFeedback, config, submissions)
    report(autograde=laps.figures(), feedback=feedback, scores=scores(config))


if __name__ == "__main__":
    main()
