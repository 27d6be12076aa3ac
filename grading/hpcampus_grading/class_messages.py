"""What the exchange says of a class: how far it is, as a whole and by learner."""

from typing import Literal

from hpcampus_courses.deadline import DueDate
from hpcampus_courses.extension import UserName
from hpcampus_courses.model import Slug
from hpcampus_spawner.models import Model
from pydantic import AwareDatetime, Field

from hpcampus_grading.messages import Identifier

State = Literal["nothing yet", "submitted", "needs a person", "graded"]


class ExerciseProgress(Model):
    """How a class does in one cell that has points: how many of those graded have all, some and none.

    `mean` is in points; `points` is the most that it gives, None in grades of an older version.
    """

    notebook: str
    cell: str
    points: float | None
    graded: int
    full: int
    some: int
    none: int
    mean: float


class AssignmentStatus(Model):
    """How far a class is with one assignment: enrolled learners, counted by their latest submission.

    `graded` includes those who still need a person; `mean_score` is None where nobody is graded.
    """

    slug: Slug
    title: str
    due: DueDate | None
    learners: int
    submitted: int
    graded: int
    needs_person: int
    late: int
    flagged: int
    feedback: int
    mean_score: float | None
    exercises: tuple[ExerciseProgress, ...]


class CourseStatus(Model):
    """How far a class is, at a moment."""

    slug: Slug
    title: str
    at: AwareDatetime
    assignments: tuple[AssignmentStatus, ...]


class LearnerStatus(Model):
    """Where one learner stands in one assignment, by their latest submission.

    `late_seconds` and `percent_off` are those of today's rules; `flags` is how many signs of tampering a
    person should look at. Who isn't `enrolled` has handed in all the same.
    """

    learner: UserName
    assignment: Slug
    enrolled: bool
    state: State
    attempts: int = Field(ge=0)
    submission: Identifier | None = None
    received_at: AwareDatetime | None = None
    late_seconds: int | None = None
    percent_off: float | None = None
    score: float | None = None
    max_score: float | None = None
    flags: int = 0
    feedback: bool = False
