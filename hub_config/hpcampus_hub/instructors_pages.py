"""What a course's pages for its instructors share: who may see them, and what the exchange has written."""

from functools import cached_property
from typing import Self

from hpcampus_courses import Course
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.status import Statuses
from hpcampus_spawner.admission import Person
from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from tornado import web

from hpcampus_hub.enrolment import Enrolment, Role


class Records:
    """The exchange's database, which is opened when somebody first looks at a page that needs it."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def __deepcopy__(self, memo: object) -> Self:
        """JupyterHub copies its configuration; a connection to a database can't be."""
        return self

    @cached_property
    def _database(self) -> Database:
        return open_database(self._url)

    @cached_property
    def extensions(self) -> Extensions:
        """The extensions of all courses."""
        return Extensions(self._database)

    @cached_property
    def statuses(self) -> Statuses:
        """How far each class is."""
        return Statuses(self._database)


class InstructorsHandler(BaseHandler):  # type: ignore[misc]  # JupyterHub has no types
    """A page of one course; for everybody else than its instructors there is none."""

    _enrolment: Enrolment
    """The rules of this hub, which each page is given."""

    def course(self, slug: str) -> Course:
        """The course of the path; 404 for who doesn't teach it."""
        course = self._enrolment.catalogue.courses.get(slug)
        groups = frozenset(group.name for group in self.current_user.groups)
        person = Person(self.current_user.name, groups)
        if course is None or self._enrolment.role(person, course) is not Role.INSTRUCTOR:
            raise web.HTTPError(404)
        return course

    def roster(self, course: Course) -> list[str]:
        """Who is enrolled, by name."""
        group = orm.Group.find(self.db, course.roster)
        return sorted(user.name for user in group.users) if group else []
