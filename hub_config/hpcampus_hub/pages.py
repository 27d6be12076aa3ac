"""What our templates may ask: each page gets one object with plain questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from hpcampus_courses import Course
from hpcampus_spawner.admission import Person
from hpcampus_spawner.cluster import Cluster
from hpcampus_spawner.history import latest_history
from hpcampus_spawner.options import Options, parse_options
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.words import ago, day_and_time
from jinja2 import Environment, FileSystemLoader, select_autoescape

from hpcampus_hub.choosing import Choice, Suggestion, suggest
from hpcampus_hub.enrolment import Enrolment, Role
from hpcampus_hub.places import Places
from hpcampus_hub.resources import Limits, SiteResources, resources

TEMPLATES = Path(__file__).parent / "templates"
_templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())


@dataclass(frozen=True)
class OwnServer:
    """A notebook server of somebody's own; the unnamed one is always there."""

    name: str
    active: bool
    ready: bool
    stopping: bool
    url: str


@dataclass(frozen=True)
class CampusPages:
    """Answers for the templates, about one hub."""

    clusters: Mapping[str, Cluster]
    enrolment: Enrolment

    @property
    def idle_minutes(self) -> int | None:
        """After how long an unused notebook is stopped; None for never."""
        return self.enrolment.deployment.stop_idle_after_minutes

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

    def estimate(self, spawner: Any) -> str:
        """When the job may start, and how old that answer is; for pages without JavaScript."""
        starts, age = spawner.whereabouts()["queue"]["starts"], spawner.answer_age()
        if starts is None:
            return "not known yet"
        said = f"the scheduler said so {ago(timedelta(seconds=age))}; " if age is not None else ""
        return f"about {day_and_time(datetime.fromisoformat(starts))} ({said}it may move)"

    def history(self, user: Any, server: str) -> list[dict[str, Any]]:
        """What happened to the last job of that server, the oldest first."""
        return latest_history(self.clusters, user.name, server)

    def meets(self, course: Course) -> str:
        """When the class has its session, if one is on or coming."""
        now = datetime.now(UTC)
        if session := course.session(now):
            return f"Your class meets now, until {day_and_time(session.ends)}."
        if session := course.next_session(now):
            return f"Your class meets from {day_and_time(session.starts)} to {day_and_time(session.ends)}."
        return ""

    async def choices(self, user: Any, course: Course) -> list[Choice]:
        """Where the user could start the course."""
        places = Places(self.clusters, self.enrolment)
        return await places.choices(self.person(user), course.slug, Options(course=course.slug))

    def suggest(self, choices: list[Choice]) -> Suggestion | None:
        """Which of them starts first."""
        return suggest(choices)

    def own_servers(self, user: Any) -> list[OwnServer]:
        """The user's notebook servers that belong to no course, running or not."""
        names = {name for name in user.orm_user.orm_spawners if self.course_of(name) is None}
        return [_own(user, name) for name in sorted({"", *names})]

    async def resource_form(self, spawner: Any) -> str:
        """The form of a researcher's notebook; empty for servers that a course provides for."""
        if self.course_of(spawner.name) or not self.is_researcher(spawner.user):
            return ""
        person, last = self.person(spawner.user), _last(spawner)
        choices = await Places(self.clusters, self.enrolment).choices(person, spawner.name, last)
        offered = [self._resources(person, cluster) for cluster in self.clusters.values()]
        suggestion = suggest(choices)
        return _templates.get_template("resource_form.html").render(
            choices=choices,
            suggestion=suggestion,
            chosen=last.site or (suggestion.site_id if suggestion else choices[0].site_id),
            offered=offered,
            limits=Limits.of(offered),
            gpu_types=sorted({t for site in offered for row in site.partitions for t in row.gpu_types}),
            last=last,
            needs=last.needs,
            day_and_time=day_and_time,
        )

    def _resources(self, person: Person, cluster: Cluster) -> SiteResources:
        deployment, site_id = self.enrolment.deployment, cluster.site.id
        allocation = deployment.allocation(site_id, course=None, groups=person.groups)
        return resources(person.name, cluster, allocation, datetime.now(UTC))


def _own(user: Any, name: str) -> OwnServer:
    spawner = user.spawners.get(name)
    return OwnServer(
        name=name,
        active=bool(spawner and spawner.active),
        ready=bool(spawner and spawner.ready),
        stopping=bool(spawner and spawner.pending == "stop"),
        url=user.server_url(name),
    )


def _last(spawner: Any) -> Options:
    """What was asked for on this server before, just now or long ago; what is wrong by now is forgotten."""
    if spawner.asked is not None:
        asked: Options = spawner.asked
        return asked
    try:
        return parse_options(spawner.orm_spawner.user_options or {})
    except Refused:
        return Options()
