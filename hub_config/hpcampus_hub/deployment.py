"""`campus.yaml`: what joins courses, sites and people of one campus."""

from collections.abc import Iterable, Mapping
from typing import Literal, Self
from urllib.parse import urlsplit

from hpcampus_grading.lti.settings import Lti
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.models import Model, YamlModel
from hpcampus_spawner.site import SiteId
from hpcampus_spawner.software import SiteSoftware
from pydantic import Field, model_validator

from hpcampus_hub.reach import Reach
from hpcampus_hub.tls import Tls, alt_names


class Allocations(Model):
    """Who uses what on one site."""

    courses: Mapping[str, Allocation] = {}
    groups: Mapping[str, Allocation] = {}


class Grading(Model):
    """Where a site's instructors grade if they don't say: in their own job, or in jobs beside it."""

    on: Literal["here", "slurm"] = "here"
    workers: int | None = Field(default=None, ge=1, le=1000)

    def environment(self) -> Mapping[str, str]:
        """The variables that `campus grade` reads."""
        count = {} if self.workers is None else {"CAMPUS_GRADE_WORKERS": str(self.workers)}
        return {"CAMPUS_GRADE_ON": self.on, **count}


class DemoPerson(Model):
    """Somebody whom `campus up` can log in."""

    shown_as: str
    groups: tuple[str, ...] = ()
    admin: bool = False


class Deployment(YamlModel):
    """One campus."""

    allocations: Mapping[str, Allocations] = {}
    software: Mapping[SiteId, SiteSoftware] = {}
    grading: Mapping[SiteId, Grading] = {}
    researchers: str
    # Servers say every 5 minutes when they were last used.
    stop_idle_after_minutes: int | None = Field(default=None, ge=15)
    reach: Mapping[str, Reach] = {}
    tls: Tls | None = None
    lti: Lti = Lti()
    demo: Mapping[str, DemoPerson] = {}

    @model_validator(mode="after")
    def _all_or_nothing(self) -> Self:
        plain = [site_id for site_id, url in self._ways_to_the_hub() if not url.startswith("https:")]
        if self.tls is not None and plain:
            raise ValueError(f"with tls, the hub_url of {', '.join(plain)} has to begin with https:")
        return self

    def _ways_to_the_hub(self) -> list[tuple[str, str]]:
        """Where the jobs of sites behind a login node find the hub."""
        return [(site_id, reach.ssh.hub_url) for site_id, reach in self.reach.items() if reach.ssh]

    def certified_names(self) -> list[str]:
        """By which names the campus is asked for, as they stand in its certificates."""
        if self.tls is None:
            return []
        elsewhere = [urlsplit(url).hostname or "" for _, url in self._ways_to_the_hub()]
        return alt_names([self.tls.address, *self.tls.names, *elsewhere])

    def allocation(self, site_id: str, *, course: str | None, groups: Iterable[str]) -> Allocation:
        """Who pays on that site: the course's project, or that of the first group that has one."""
        here = self.allocations.get(site_id, Allocations())
        if course is not None:
            found = here.courses.get(course)
            return _because(found, f"course {course}") if found else Allocation()
        paying = sorted(group for group in groups if group in here.groups)
        return _because(here.groups[paying[0]], f"group {paying[0]}") if paying else Allocation()

    def demo_allocations(self, site_id: str) -> frozenset[Allocation]:
        """Every allocation that this campus has on that site."""
        here = self.allocations.get(site_id, Allocations())
        return frozenset(here.courses.values()) | frozenset(here.groups.values())


def _because(allocation: Allocation, reason: str) -> Allocation:
    return allocation.model_copy(update={"reason": allocation.reason or reason})
