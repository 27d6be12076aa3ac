"""Grading what waits, one batch at a time: resumable, because each result is kept as soon as it is there."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.gradebook import CourseGradebook

Progress = Callable[[int, int], object]
"""Told how many submissions are done, of how many: first of none."""


def nobody_looks(done: int, of: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Batch:
    """Whose submissions were graded now, and why those of others could not be."""

    graded: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def grade_waiting(
    gradebook: CourseGradebook,
    assignment: str,
    crew: Crew,
    progress: Progress = nobody_looks,
    *,
    again: bool = False,
    only: Collection[str] | None = None,
) -> Batch:
    """Grade what was collected and isn't graded yet; with `again` all, with `only` no others.

    Killed in the midst, what was written stays, and the next call goes on with the rest: also one that grades
    all again.
    """
    with gradebook.grading(assignment), gradebook.round(assignment, again=again) as since:
        book = gradebook.book(assignment)
        learners = [name for name in book.waiting(since) if only is None or name in only]
        if not learners:
            return Batch()
        graded, problems = [], {}
        progress(0, len(learners))
        with book.entering() as enter, crew.at_work(len(learners)) as grade:
            for result in grade(book.material(), map(book.work, learners)):
                if result.problem:
                    problems[result.learner] = result.problem
                else:
                    with gradebook.folder.alone():
                        enter(result)
                        book.keep(result)
                    graded.append(result.learner)
                progress(len(graded) + len(problems), len(learners))
        return Batch(tuple(graded), problems)
