"""Grading on submission: what came in since the last look is graded, recorded, and answered with feedback.

The instructor's own process does it, in their name, or that of an account which teaches the course and does
nothing else. The exchange never runs what learners hand in; it keeps what there is to do, because a
submission without a grade is what there is to do.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from hpcampus_grading.exchange.client import ExchangeProblem
from hpcampus_grading.gradebook import GradingProblem
from hpcampus_grading.grading import Grader, Say
from hpcampus_grading.messages import AssignmentInfo, Receipt, Submission

# With the seconds that grading takes, this keeps "within a minute".
EVERY_SECONDS = 15.0
WHY = "graded on submission"


class Watch:
    """Looks at a course again and again; what can't be graded is tried once, and left to a person."""

    def __init__(self, grader: Grader, say: Say) -> None:
        self._grader, self._say = grader, say
        self._answered: set[str] = set()

    def go_on(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Look, grade, and wait, for ever; what fails for everybody is said, and tried again."""
        while True:
            try:
                self.look()
            except GradingProblem as error:
                self._say(f"{error.log}\n{error}")
            except (ExchangeProblem, OSError) as error:
                self._say(str(error))
            pause(EVERY_SECONDS)

    def look(self) -> None:
        """Grade what came in, and give its learners their feedback."""
        client, course = self._grader.client, self._grader.course
        for assignment in self._grader.refresh().assignments:
            if assignment.grade_on_submission is None:
                continue
            done = {entry.grade.submission for entry in client.recorded_grades(course, assignment.slug)}
            at_once = due(assignment, client.submissions(course, assignment.slug))
            new = [receipt for receipt in at_once if receipt.id not in done | self._answered]
            if new:
                self._answer(assignment.slug, new)

    def _answer(self, assignment: str, receipts: Sequence[Receipt]) -> None:
        gradebook, learners = self._grader.gradebook, [receipt.learner for receipt in receipts]
        self._grader.assignment(assignment)
        batch = self._grader.grade(assignment, WHY, only=learners)
        self._answered |= {receipt.id for receipt in receipts}
        for score in gradebook.scores(assignment):
            if score.learner in learners and score.learner not in batch.problems:
                gradebook.feedback(assignment, score.learner)
                self._say(f"{assignment}: {score.learner} has {score.score or 0:g} of {score.max_score:g}.")


def due(assignment: AssignmentInfo, submissions: Iterable[Submission]) -> list[Receipt]:
    """Each learner's latest submission, oldest first, if it is one of those that are graded at once."""
    policy = assignment.grade_on_submission
    if policy is None:
        return []
    latest = {submission.receipt.learner: submission.receipt for submission in submissions}
    return [one for one in latest.values() if policy.attempts is None or one.attempt <= policy.attempts]
