"""Who may start what: courses go by their rosters, notebooks of one's own by the group of researchers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from hpcampus_courses import Assignment, Catalogue, Course
from hpcampus_spawner.admission import Admission, Person
from hpcampus_spawner.options import Options
from hpcampus_spawner.refusal import Refused

from hpcampus_hub.deployment import Deployment


class Role(StrEnum):
    """What a person is in a course."""

    LEARNER = "learner"
    INSTRUCTOR = "instructor"
    RESEARCHER = "researcher"


@dataclass(frozen=True)
class Enrolment:
    """The rules of one hub."""

    catalogue: Catalogue
    deployment: Deployment
    exchange_url: str
    exchange_elsewhere: Mapping[str, str] = field(default_factory=dict)
    """By site: where its jobs find the exchange, if not there."""

    def role(self, person: Person, course: Course) -> Role | None:
        """What the person is in the course; None when they aren't in it."""
        if course.instructors in person.groups:
            return Role.INSTRUCTOR
        return Role.LEARNER if course.roster in person.groups else None

    def courses(self, person: Person) -> list[tuple[Course, Role]]:
        """The courses the person is in, by title."""
        found = [(course, self.role(person, course)) for course in self.catalogue.courses.values()]
        return sorted(((c, role) for c, role in found if role), key=lambda pair: pair[0].title)

    def is_researcher(self, person: Person) -> bool:
        """Whether the person may start a notebook of their own."""
        return self.deployment.researchers in person.groups

    def admit(self, person: Person, server: str, options: Options, site_id: str) -> Admission:
        """Decide on one start at that site; raises `Refused`. A course's server bears the course's name."""
        if server in self.catalogue.courses:
            if options.course not in (None, server):
                raise Refused("server-name", f"The server {server} belongs to the course of that name.")
            return self._lesson(person, self.catalogue.courses[server], options, site_id)
        if options.course is not None:
            if options.course not in self.catalogue.courses:
                raise Refused("no-such-course", "There is no such course. Your courses are on the home page.")
            raise Refused("server-name", f"Start the course {options.course} on its server of that name.")
        return self._notebook(person, options, site_id)

    def _lesson(self, person: Person, course: Course, options: Options, site_id: str) -> Admission:
        role = self.role(person, course)
        if role is None:
            raise Refused(
                "not-enrolled", f"You aren't enrolled in {course.title}. Ask its instructors to add you."
            )
        assignment = _assignment(course, options.assignment)
        session = course.session(datetime.now(UTC))
        page = f"/lab/tree/{course.slug}/{assignment.slug}/{assignment.notebook}"
        return Admission(
            needs=course.needs,
            allocation=self.deployment.allocation(site_id, course=course.slug, groups=person.groups),
            session=session.reservation if session else None,
            environment=self._environment(role, site_id, course.slug, assignment.slug),
            page="/lab" if role is Role.INSTRUCTOR else page,
        )

    def _notebook(self, person: Person, options: Options, site_id: str) -> Admission:
        if not self.is_researcher(person):
            raise Refused("not-a-researcher", "Choose one of your courses on the home page.")
        return Admission(
            needs=options.needs,
            allocation=self.deployment.allocation(site_id, course=None, groups=person.groups),
            wishes=options.wishes,
            environment=self._environment(Role.RESEARCHER, site_id, "", ""),
        )

    def _environment(self, role: Role, site_id: str, course: str, assignment: str) -> Mapping[str, str]:
        grading = self.deployment.grading.get(site_id) if role is Role.INSTRUCTOR else None
        return {
            **(grading.environment() if grading else {}),
            "CAMPUS_EXCHANGE_URL": self.exchange_elsewhere.get(site_id, self.exchange_url),
            "CAMPUS_ROLE": role.value,
            "CAMPUS_COURSE": course,
            "CAMPUS_ASSIGNMENT": assignment,
        }


def _assignment(course: Course, slug: str | None) -> Assignment:
    if slug is None:
        return course.assignments[0]
    try:
        return course.assignment(slug)
    except LookupError:
        raise Refused("no-such-assignment", f"{course.title} has no such lesson.") from None
