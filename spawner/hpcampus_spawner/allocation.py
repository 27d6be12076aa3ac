"""What lets somebody use a site's nodes, as the people who run the campus arranged it."""

from typing import Any

from pydantic import Field, model_validator

from hpcampus_spawner.models import Model
from hpcampus_spawner.site import AccountName, SchedulerName


class Allocation(Model):
    """The project that pays for jobs, and what comes with it; a bare name is that of the project."""

    account: AccountName | None = None
    qos: SchedulerName | None = None
    reservation: SchedulerName | None = None
    reason: str = Field(default="", description="Whose it is, such as `course gpu-numba`.")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"account": value} if isinstance(value, str) else value
