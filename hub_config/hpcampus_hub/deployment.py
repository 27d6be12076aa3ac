"""`campus.yaml`: what joins courses, sites and people of one campus."""

from collections.abc import Iterable, Mapping

from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.models import Model, YamlModel
from hpcampus_spawner.site import SiteId
from hpcampus_spawner.software import SiteSoftware
from pydantic import Field

from hpcampus_hub.reach import Reach


class Allocations(Model):
    """Who uses what on one site."""

    courses: Mapping[str, Allocation] = {}
    groups: Mapping[str, Allocation] = {}


class DemoPerson(Model):
    """Somebody whom `campus up` can log in."""

    shown_as: str
    groups: tuple[str, ...] = ()
    admin: bool = False


class Deployment(YamlModel):
    """One campus."""

    allocations: Mapping[str, Allocations] = {}
    software: Mapping[SiteId, SiteSoftware] = {}
    researchers: str
    # Servers say every 5 minutes when they were last used.
    stop_idle_after_minutes: int | None = Field(default=None, ge=15)
    reach: Mapping[str, Reach] = {}
    demo: Mapping[str, DemoPerson] = {}

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
