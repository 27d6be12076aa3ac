"""The model of `course.yaml`: what a course is, what it needs, and what its learners hand in."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from hpcampus_spawner.models import Model, YamlModel
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.site import SchedulerName
from pydantic import AnyHttpUrl, AwareDatetime, Field, StringConstraints, model_validator

from hpcampus_courses.deadline import Deadline, DueDate, LateStep
from hpcampus_courses.extension import ExtensionWish, StatedExtension

# A course's slug names its folder and its JupyterHub server; an assignment's is nbgrader's name for it.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]$")]
Group = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")]
ImportName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
NotebookName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\.ipynb$")]
SpdxId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")]
Suffix = Annotated[str, StringConstraints(pattern=r"^\.[a-z0-9]{1,15}$")]
# What feedback says of a hidden test: nothing but that it failed, its message too, or its code as well.
HiddenTests = Literal["nothing", "messages", "everything"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _notebook_of(data: dict[str, Any]) -> str:
    return f"{data.get('slug', '')}.ipynb"


class Accepts(Model):
    """What may be handed in for one assignment; `types` None for any kind of file."""

    types: tuple[Suffix, ...] | None = Field(default=None, min_length=1)
    mib: int = Field(default=50, ge=1, le=1024, description="the largest zip")
    files: int = Field(default=1000, ge=1, le=10_000)

    @model_validator(mode="after")
    def _takes_notebooks(self) -> Self:
        if self.types is not None and ".ipynb" not in self.types:
            raise ValueError("types must name .ipynb: the notebook is what is handed in")
        return self


class OnSubmission(Model):
    """Graded as soon as it is handed in: the first so many submissions of a learner, or all of them."""

    attempts: int | None = Field(default=None, ge=1)


class Assignment(Model):
    """One notebook that learners hand in, worth `points` in all; `due` is the last moment, None for never.

    `outcomes` say what a learner can do afterwards, and `hours` how long it takes with the exercises.

    `late` says what late work costs, by steps; without it late work costs nothing, and where it is empty no
    late work is accepted. `attempts` is how often a learner may submit, None for as often as they like;
    `extensions` give single learners more of either.
    Without `grade_on_submission` nothing is graded before an instructor asks: who learns their score at once
    can find out by trying what hidden tests look for.
    """

    slug: Slug
    title: Text
    notebook: NotebookName = Field(default_factory=_notebook_of)
    points: int = Field(ge=1)
    outcomes: tuple[Text, ...] = ()
    hours: float | None = Field(default=None, gt=0, le=100)
    due: DueDate | None = None
    grace_minutes: int = Field(default=0, ge=0, le=24 * 60)
    late: tuple[LateStep, ...] | None = None
    attempts: int | None = Field(default=None, ge=1)
    hidden_tests_in_feedback: HiddenTests = "messages"
    grade_on_submission: OnSubmission | None = None
    accepts: Accepts = Accepts()
    extensions: tuple[StatedExtension, ...] = ()

    @model_validator(mode="after")
    def _late_steps_follow_each_other(self) -> Self:
        if self.due is None and (self.late is not None or self.grace_minutes):
            raise ValueError("late and grace_minutes mean nothing without due")
        hours = [step.within_hours for step in self.late or ()]
        if any(earlier >= later for earlier, later in pairwise(hours)):
            raise ValueError("late: each step must reach further than the one before")
        return self

    @model_validator(mode="after")
    def _extensions_extend(self) -> Self:
        learners = [extension.learner for extension in self.extensions]
        if repeated := sorted({name for name in learners if learners.count(name) > 1}):
            raise ValueError(f"extensions: more than one for {', '.join(repeated)}")
        for extension in self.extensions:
            if problem := self.why_not(extension):
                raise ValueError(f"extensions: {extension.learner}: {problem}")
        return self

    def why_not(self, wish: ExtensionWish) -> str | None:
        """Why an extension would extend nothing, in a sentence; None where it would."""
        if wish.due is None and not wish.attempts:
            return "This gives neither more time nor more attempts. Say which."
        if wish.due is not None and self.due is None:
            return f"{self.slug} has no due date, so there is nothing to extend."
        if wish.due is not None and self.due is not None and wish.due <= self.due:
            return f"{self.slug} is due at {self.due.isoformat()}: choose a later moment."
        if wish.attempts and self.attempts is None:
            return f"{self.slug} can be submitted as often as one likes already."
        return None

    def deadline(self, extended: datetime | None = None) -> Deadline | None:
        """The deadline, for a learner with more time than the others if need be; None where there is none."""
        due = extended or self.due
        return None if due is None else Deadline(due, timedelta(minutes=self.grace_minutes), self.late)


class Session(Model):
    """A time when the class meets; `reservation` is what the sites call the nodes that are kept for it.

    A course names no site: the reservation is used wherever the cluster has one of that name just then.
    """

    reservation: SchedulerName
    starts: AwareDatetime
    ends: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("ends must be later than starts")
        return self


class Credit(Model):
    """A work that the course learned from, with the licence (SPDX) under which it may."""

    title: Text
    url: AnyHttpUrl
    licence: SpdxId


class Course(YamlModel):
    """A course as its `course.yaml` states it; `load` raises `BadFile` naming the file and the wrong fields.

    `language` is an IETF tag (`en`, `pt-BR`), `licence` the SPDX identifier of the texts, `roster` and
    `instructors` are hub groups, and `libraries` the import names that its notebooks use.
    """

    slug: Slug
    title: Text
    summary: Text
    language: Language
    level: Literal["beginner", "intermediate", "advanced"]
    licence: SpdxId
    authors: tuple[Text, ...] = Field(min_length=1)
    credits: tuple[Credit, ...] = ()
    outcomes: tuple[Text, ...] = Field(min_length=1)
    roster: Group
    instructors: Group
    needs: Needs
    libraries: tuple[ImportName, ...] = ()
    assignments: tuple[Assignment, ...] = Field(min_length=1)
    sessions: tuple[Session, ...] = ()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        slugs = [assignment.slug for assignment in self.assignments]
        if repeated := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
            raise ValueError(f"assignments: two of them are called {', '.join(repeated)}")
        if self.roster == self.instructors:
            raise ValueError(
                "roster and instructors are the same group: every learner would be an instructor"
            )
        return self

    def assignment(self, slug: str) -> Assignment:
        """The assignment of that slug; raises LookupError with the slugs that exist."""
        found = [assignment for assignment in self.assignments if assignment.slug == slug]
        if not found:
            known = ", ".join(assignment.slug for assignment in self.assignments)
            raise LookupError(f"course {self.slug} has no assignment {slug!r}; it has: {known}")
        return found[0]

    def session(self, now: datetime) -> Session | None:
        """The session that is on."""
        return next((one for one in self.sessions if one.starts <= now < one.ends), None)

    def next_session(self, now: datetime) -> Session | None:
        """The first session that is still to come."""
        coming = [one for one in self.sessions if one.starts > now]
        return min(coming, key=lambda one: one.starts, default=None)
