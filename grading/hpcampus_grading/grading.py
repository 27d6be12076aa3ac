"""Grading an assignment from the exchange to the scores, as an instructor asks for it."""

from collections.abc import Callable, Sequence

from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.gradebook import CourseGradebook, GradingProblem, Score

__all__ = ["GradingProblem", "grade_assignment"]


def grade_assignment(
    course: str, assignment: str, *, feedback: bool, again: bool, say: Callable[[str], object]
) -> bool:
    """Collect, grade, show a table; answers whether everything that was collected could be graded.

    Raises `ExchangeProblem` or `GradingProblem` when a step fails for everybody.
    """
    folder = CourseFolder(course)
    info = folder.fetch(Client.from_environment())
    wanted = {entry.slug: entry for entry in info.assignments}.get(assignment)
    if wanted is None:
        known = ", ".join(entry.slug for entry in info.assignments)
        raise ExchangeProblem(f"{course} has no assignment {assignment!r}; it has: {known}")
    gradebook = CourseGradebook(folder)
    gradebook.generate(wanted)
    gradebook.collect(assignment)
    if not gradebook.scores(assignment):
        say("Nobody has submitted yet.")
        return True
    complete = _autograde(gradebook, assignment, again, say)
    if feedback:
        gradebook.feedback(assignment)
    for line in table(gradebook.scores(assignment)):
        say(line)
    return complete


def _autograde(
    gradebook: CourseGradebook, assignment: str, again: bool, say: Callable[[str], object]
) -> bool:
    """Grade; a submission that can't be graded is reported and doesn't keep the others from their scores."""
    try:
        gradebook.autograde(assignment, again=again)
    except GradingProblem as error:
        say(f"{error.log}\n{error}")
        return False
    return True


def table(scores: Sequence[Score]) -> list[str]:
    """Learner, score, maximum, and what needs a person, in columns."""
    width = max(len("learner"), *(len(score.learner) for score in scores))
    lines = [f"{'learner':<{width}}  {'score':>7}  {'max':>7}"]
    for entry in scores:
        points = "-" if entry.score is None else f"{entry.score:g}"
        lines.append(f"{entry.learner:<{width}}  {points:>7}  {entry.max_score:>7g}  {entry.note}".rstrip())
    return lines
