"""Answers as submissions: released, handed in, graded in the sandbox, and written into a gradebook."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcampus_courses import Assignment, Course

from hpcampus_grading.batch.grading import grade_waiting
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.gradebook import CourseGradebook, GradingProblem
from hpcampus_grading.messages import AssignmentInfo, CourseInfo

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# What stands in the cells for answers, by name. A cell that is not named stays as it was released.
Answers = Mapping[str, str]


@dataclass(frozen=True)
class Graded:
    """What became of a submission: the automatic points, and what was said where some were lost, by cell."""

    points: Mapping[str, float]
    words: Mapping[str, str]


def graded(
    course: Course, assignment: Assignment, source: Path, submissions: Mapping[str, Answers]
) -> dict[str, Graded]:
    """Grade one submission for each name; raises `GradingProblem` when the pipeline itself fails."""
    with tempfile.TemporaryDirectory(prefix="hpcampus-") as workshop:
        folder = CourseFolder(course.slug, Path(workshop))
        info = _info(assignment)
        shutil.copytree(source, folder.path / "source" / assignment.slug)
        folder.describe(
            CourseInfo(
                slug=course.slug,
                title=course.title,
                role="instructor",
                libraries=course.libraries,
                assignments=(info,),
            )
        )
        gradebook = CourseGradebook(folder)
        gradebook.generate(info)
        released = folder.path / "release" / assignment.slug
        learners = {f"learner{number}": name for number, name in enumerate(submissions)}
        for learner, name in learners.items():
            target = folder.path / "submitted" / learner / assignment.slug
            shutil.copytree(released, target)
            _fill_in(target / assignment.notebook, submissions[name])
        batch = grade_waiting(gradebook, assignment.slug, Crew("here", 1))
        if batch.problems:
            raise GradingProblem("The answers could not be graded.", "\n".join(batch.problems.values()))
        points = gradebook.automatic_points(assignment.slug)
        done = folder.path / "autograded"
        return {
            name: Graded(points[learner], _words(done / learner / assignment.slug / assignment.notebook))
            for learner, name in learners.items()
        }


def _info(assignment: Assignment) -> AssignmentInfo:
    return AssignmentInfo(
        slug=assignment.slug,
        title=assignment.title,
        notebook=assignment.notebook,
        points=assignment.points,
        due=None,
        released=False,
    )


def _fill_in(path: Path, answers: Answers) -> None:
    notebook = json.loads(path.read_bytes())
    for cell in notebook["cells"]:
        name = _name(cell)
        if name in answers:
            cell["source"] = answers[name]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _words(path: Path) -> dict[str, str]:
    """What each cell that failed says to the learner."""
    said = {}
    for cell in json.loads(path.read_bytes())["cells"]:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error":
                said[_name(cell)] = " ".join(
                    _COLOURS.sub("", f"{output['ename']}: {output['evalue']}").split()
                )
    return said


def _name(cell: Mapping[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", cell.get("id", "")))
