"""How the hub reaches a site and becomes a learner there, as the operators say in `campus.yaml`."""

from typing import Self

from hpcampus_spawner.models import Model
from hpcampus_spawner.origin import THIS_MACHINE, IpNetwork
from hpcampus_spawner.ssh import SshSite, UnixName
from pydantic import model_validator


class SudoReach(Model):
    """The scheduler's commands are here, and the hub has an account without rights and a rule of sudo."""

    group: UnixName
    """The Unix group of those who may run notebooks; the rule names it too."""


class Reach(Model):
    """One site. Without this the hub is root, or everybody shares its account."""

    sudo: SudoReach | None = None
    ssh: SshSite | None = None
    reports_from: tuple[IpNetwork, ...] = ()
    """From where jobs reach the hub, if not from their nodes' own addresses: gateways, other networks."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.sudo is None) == (self.ssh is None):
            raise ValueError("a site is reached by either sudo or ssh")
        return self

    @property
    def origins(self) -> tuple[IpNetwork, ...]:
        """What comes back through our own connection looks as if this machine had sent it."""
        through_ssh = self.ssh is not None and self.ssh.listen is not None
        return (*self.reports_from, *THIS_MACHINE) if through_ssh else self.reports_from
