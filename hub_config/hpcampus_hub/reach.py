"""How the hub reaches a site and becomes a learner there, as the operators say in `campus.yaml`."""

from typing import Self

from hpcampus_spawner.models import Model
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

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.sudo is None) == (self.ssh is None):
            raise ValueError("a site is reached by either sudo or ssh")
        return self
