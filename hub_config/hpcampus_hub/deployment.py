"""`campus.yaml`: what joins courses, sites and people of one campus."""

from collections.abc import Iterable, Mapping

from hpcampus_spawner.models import Model, YamlModel
from hpcampus_spawner.site import SchedulerName


class Accounts(Model):
    """The projects of one site that jobs are charged to."""

    courses: Mapping[str, SchedulerName] = {}
    groups: Mapping[str, SchedulerName] = {}


class DemoPerson(Model):
    """Somebody whom `campus up` can log in."""

    shown_as: str
    groups: tuple[str, ...] = ()
    admin: bool = False


class Deployment(YamlModel):
    """One campus."""

    accounts: Mapping[str, Accounts] = {}
    researchers: str
    demo: Mapping[str, DemoPerson] = {}

    def account(self, site_id: str, *, course: str | None, groups: Iterable[str]) -> str | None:
        """Who pays on that site: the course's project, or that of the first group that has one."""
        accounts = self.accounts.get(site_id, Accounts())
        if course is not None:
            return accounts.courses.get(course)
        return next((accounts.groups[group] for group in sorted(groups) if group in accounts.groups), None)

    def demo_accounts(self, site_id: str) -> frozenset[str]:
        """Every project that this campus uses on that site."""
        accounts = self.accounts.get(site_id, Accounts())
        return frozenset(accounts.courses.values()) | frozenset(accounts.groups.values())
