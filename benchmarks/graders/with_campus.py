"""What `campus grade` does with what it has collected, and the feedback pages.

    python with_campus.py COURSE [WORKERS]

A submission is done when its scores are in the gradebook and its executed notebook is in its place. With
several workers as many processes make the feedback, and when a page was ready is when its file was written.
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
from laps import Laps, by_files, report
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
    gradebook = CourseGradebook(CourseFolder(COURSE, course.parent))
    batch = grade_waiting(
        gradebook,
        ASSIGNMENT,
        Crew("here", workers),
        lambda done, _: laps.lap() if done else None,
    )
    assert not batch.problems, batch.problems
    config = settings(course)
    configure(config, {}, here=course)
    if workers > 1:
        feedback = by_files(
            lambda: gradebook.make_feedback(ASSIGNMENT, workers), course, f"feedback/*/{ASSIGNMENT}/*.html"
        )
    else:
        with warm_nbgrader():
            feedback = convert(GenerateFeedback, config, submissions)
    report(autograde=laps.figures(), feedback=feedback, scores=scores(config))


if __name__ == "__main__":
    main()
