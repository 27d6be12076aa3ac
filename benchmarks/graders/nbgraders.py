"""nbgrader's converters on one course folder: what its commands autograde and generate_feedback run.

    python nbgraders.py COURSE [ours]

With `ours` the cells run in our sandbox, and what we changed around it is switched on; all else is the same.
"""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

from laps import Laps, report

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

ASSIGNMENT, COURSE = "ps1", "bench"


def settings(course: Path) -> Config:
    """What nbgrader has to know."""
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = COURSE
    config.CourseDirectory.assignment_id = ASSIGNMENT
    config.CourseDirectory.db_url = f"sqlite:///{course}/gradebook.db"
    return config


def convert(converter: Any, config: Config, submissions: int) -> dict[str, float]:
    """Run one of nbgrader's steps over all submissions."""
    laps = Laps(submissions)
    log = logging.Logger("nbgrader", logging.ERROR)
    step = converter(coursedir=CourseDirectory(config=config), config=config, log=log)
    step.post_convert_hook = laps.lap
    step.start()
    return laps.figures()


def scores(config: Config) -> dict[str, float | None]:
    """What each learner has for each cell of tests."""
    with Gradebook(config.CourseDirectory.db_url, COURSE) as gradebook:
        return {
            f"{submission.student.id} {grade.name}": grade.auto_score
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def main() -> None:
    """Grade, make feedback, and report."""
    course = Path(sys.argv[1])
    config, kept = settings(course), contextlib.nullcontext()
    if sys.argv[2:] == ["ours"]:
        from hpcampus_grading.nbgrader_settings import configure  # noqa: PLC0415 (not in the rival's)
        from hpcampus_grading.warm_nbgrader import warm_nbgrader  # noqa: PLC0415

        configure(config, {}, here=course)
        kept = warm_nbgrader()
    submissions = len(list((course / "submitted").iterdir()))
    with kept:
        graded = convert(Autograde, config, submissions)
        feedback = convert(GenerateFeedback, config, submissions)
    report(autograde=graded, feedback=feedback, scores=scores(config))


if __name__ == "__main__":
    main()
