"""A course's gradebook, made anew from what the exchange has."""

from collections.abc import Callable
from datetime import UTC, datetime

from hpcampus_grading.batch.grading import grade_waiting
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.exchange.client import Client
from hpcampus_grading.gradebook import CourseGradebook
from hpcampus_grading.messages import AssignmentInfo

# What nbgrader makes of submissions; `source` and `release` are the instructor's own work.
_MADE = ("gradebook.db", "submitted", "autograded", "feedback")


def rebuild_gradebook(course: str, say: Callable[[str], object]) -> bool:
    """Collect and grade everything again, then restore what people gave; answers whether all could be graded.

    What was there is put aside, never deleted. Raises `ExchangeProblem` or `GradingProblem`.
    """
    client, folder = Client.from_environment(), CourseFolder(course)
    info = folder.fetch(client)
    if aside := _put_aside(folder):
        say(f"What was there is now in {aside}.")
    gradebook = CourseGradebook(folder)
    complete = True
    for assignment in info.assignments:
        gradebook.generate(assignment)
        if client.submissions(course, assignment.slug):
            complete &= _grade(gradebook, assignment, client, course, say)
    return complete


def _grade(
    gradebook: CourseGradebook,
    assignment: AssignmentInfo,
    client: Client,
    course: str,
    say: Callable[[str], object],
) -> bool:
    gradebook.collect(assignment.slug)
    batch = grade_waiting(gradebook, assignment.slug, Crew())
    for learner, problem in batch.problems.items():
        say(f"{problem}\nNot graded: {learner}.")
    restored = gradebook.bring_back(assignment.slug, client.recorded_grades(course, assignment.slug))
    changes = client.record_grades(
        course, assignment.slug, gradebook.grades(assignment.slug), "the gradebook was rebuilt"
    )
    graded = len(gradebook.scores(assignment.slug))
    say(f"{assignment.slug}: {graded} submissions, {restored} cells as people had graded them.")
    for change in changes:
        say(f"  {change.learner}: {change.old if change.old is not None else 'nothing'} -> {change.new}")
    return not batch.problems


def _put_aside(folder: CourseFolder) -> str:
    """Move what nbgrader had made into a folder named by the time; empty where there was nothing."""
    there = [folder.path / name for name in _MADE if (folder.path / name).exists()]
    if not there:
        return ""
    aside = folder.path / f"before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir()
    for path in there:
        path.rename(aside / path.name)
    return str(aside)
