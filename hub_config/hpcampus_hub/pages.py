"""What our templates may ask: each page gets one object with plain questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hpcampus_courses import Course
from hpcampus_spawner.admission import Person
from hpcampus_spawner.site import Site
from jinja2 import Environment, FileSystemLoader, select_autoescape

from hpcampus_hub.enrolment import Enrolment, Role

TEMPLATES = Path(__file__).parent / "templates"
_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())


@dataclass(frozen=True)
class Limits:
    """The most that the resource form offers."""

    cpus: int
    memory_gib: int
    gpus: int
    hours: int


@dataclass(frozen=True)
class CampusPages:
    """Answers for the templates, about one hub."""

    sites: tuple[Site, ...]
    enrolment: Enrolment
    exchange_prefix: str = "/services/exchange/"

    def __deepcopy__(self, memo: object) -> Self:
        """JupyterHub copies its configuration; what never changes needs no copy."""
        return self

    def person(self, user: Any) -> Person:
        """The hub's user as the rules see them."""
        return Person(user.name, frozenset(group.name for group in user.groups))

    def courses(self, user: Any) -> list[tuple[Course, Role]]:
        """The courses of a user of the hub."""
        return self.enrolment.courses(self.person(user))

    def is_researcher(self, user: Any) -> bool:
        """Whether the user may start a notebook of their own."""
        return self.enrolment.is_researcher(self.person(user))

    def course_of(self, server: str) -> Course | None:
        """The course that a server belongs to."""
        return self.enrolment.catalogue.courses.get(server)

    @property
    def places(self) -> str:
        """The names of the sites, as part of a sentence."""
        return " or ".join(site.name for site in self.sites)

    def limits(self) -> Limits:
        """The largest figures of any partition; a figure that the site doesn't publish bounds nothing."""
        partitions = [partition for site in self.sites for partition in site.partitions]
        return Limits(
            cpus=max(p.cpus or 1024 for p in partitions),
            memory_gib=max((p.memory_mib or 64 * 1024 * 1024) // 1024 for p in partitions),
            gpus=max(p.gpus or 0 for p in partitions),
            hours=max(p.max_walltime_minutes or 720 * 60 for p in partitions) // 60,
        )

    def resource_form(self, spawner: Any) -> str:
        """The form of a researcher's notebook; empty for servers that a course provides for."""
        if spawner.name or not self.is_researcher(spawner.user):
            return ""
        last = {key: str(value) for key, value in (spawner.orm_spawner.user_options or {}).items()}
        return _templates.get_template("resource_form.html").render(
            sites=self.sites, places=self.places, limits=self.limits(), last=last
        )
