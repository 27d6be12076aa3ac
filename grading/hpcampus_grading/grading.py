"""Grading an assignment from the exchange to the scores, as an instructor asks for it."""

from collections.abc import Callable, Collection, Sequence

from hpcampus_grading.batch.grading import Batch, Progress, grade_waiting, nobody_looks
from hpcampus_grading.batch.regrading import Regrade, regrade, write
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.gradebook import CourseGradebook, GradingProblem, Score
from hpcampus_grading.messages import AssignmentInfo, CourseInfo

__all__ = ["Grader", "GradingProblem", "Say", "grade_assignment"]

Say = Callable[[str], object]


class Grader:
    """An instructor's course folder and the exchange, side by side."""

    def __init__(self, course: str, crew: Crew, say: Say, progress: Progress = nobody_looks) -> None:
        """Raises `ExchangeProblem` for who doesn't teach the course."""
        self.course, self._crew, self._say, self._progress = course, crew, say, progress
        self.client, self._folder = Client.from_environment(), CourseFolder(course)
        self.info = self.refresh()
        self.gradebook = CourseGradebook(self._folder)

    @property
    def processes(self) -> int:
        """How many processes may work here at the same time."""
        return self._crew.processes

    def refresh(self) -> CourseInfo:
        """The course as it is now."""
        self.info = self._folder.fetch(self.client)
        return self.info

    def assignment(self, slug: str) -> AssignmentInfo:
        """One of its assignments, which is in the gradebook afterwards."""
        wanted = {entry.slug: entry for entry in self.info.assignments}.get(slug)
        if wanted is None:
            known = ", ".join(entry.slug for entry in self.info.assignments)
            raise ExchangeProblem(f"{self.course} has no assignment {slug!r}; it has: {known}")
        self.gradebook.generate(wanted)
        return wanted

    def regrade(self, assignment: str, why: str, agree: Callable[[Regrade], bool]) -> bool:
        """Grade again what was graded, by the tests as they are now; written when `agree` says so.

        Answers whether everything could be graded.
        """
        self.assignment(assignment)
        self._take_over(assignment)
        with regrade(self.gradebook, assignment, self._crew, self._progress) as regraded:
            self.tell(regraded.problems.items())
            if agree(regraded):
                write(self.gradebook, assignment, regraded)
                self._record(assignment, why, [result.learner for result in regraded.results])
        return not regraded.problems

    def grade(
        self, assignment: str, why: str, *, again: bool = False, only: Collection[str] | None = None
    ) -> Batch:
        """Collect, grade, and have the exchange record it. What could not be graded is said."""
        self.gradebook.collect(assignment)
        batch = grade_waiting(self.gradebook, assignment, self._crew, self._progress, again=again, only=only)
        self.tell(batch.problems.items())
        self._record(assignment, why, only)
        return batch

    def _record(self, assignment: str, why: str, only: Collection[str] | None) -> None:
        self._take_over(assignment)
        grades = self.gradebook.grades(assignment, only)
        self.client.record_grades(self.course, assignment, grades, why)

    def _take_over(self, assignment: str) -> None:
        """What other instructors gave by hand counts here, too."""
        self.gradebook.take_over(assignment, self.client.recorded_grades(self.course, assignment))

    def tell(self, problems: Collection[tuple[str, str]]) -> None:
        """Say why submissions could not be graded; what is the same for several, once."""
        for problem in dict.fromkeys(problem for _, problem in problems):
            learners = ", ".join(learner for learner, other in problems if other == problem)
            self._say(f"{problem}\nNot graded: {learners}.")


def grade_assignment(grader: Grader, assignment: str, *, feedback: bool, again: bool, say: Say) -> bool:
    """Collect, grade, show a table; answers whether everything that was collected could be graded.

    Raises `ExchangeProblem`, `GradingProblem` or `NoWorkers` when a step fails for everybody.
    """
    grader.assignment(assignment)
    batch = grader.grade(assignment, "campus grade", again=again)
    scores = grader.gradebook.scores(assignment)
    if not scores:
        say("Nobody has submitted yet.")
        return True
    if feedback:
        grader.gradebook.feedback(assignment, processes=grader.processes)
    for line in table(scores):
        say(line)
    return not batch.problems


def table(scores: Sequence[Score]) -> list[str]:
    """Learner, score, maximum, and what needs a person, in columns."""
    width = max(len("learner"), *(len(score.learner) for score in scores))
    lines = [f"{'learner':<{width}}  {'score':>7}  {'max':>7}"]
    for entry in scores:
        points = "-" if entry.score is None else f"{entry.score:g}"
        lines.append(f"{entry.learner:<{width}}  {points:>7}  {entry.max_score:>7g}  {entry.note}".rstrip())
    return lines
