"""The request for one job: everything the scheduler is told, and nothing that a learner typed."""

from pydantic import Field

from hpcampus_spawner.models import Model
from hpcampus_spawner.site import SchedulerName


class JobRequest(Model):
    """One job on one node. Made by `matching.match` alone; memory in MiB, time in minutes."""

    partition: SchedulerName
    account: SchedulerName | None = None
    qos: SchedulerName | None = None
    cpus: int = Field(ge=1)
    memory_mib: int = Field(ge=1)
    gpus: int = Field(default=0, ge=0)
    walltime_minutes: int = Field(ge=1)
    explanation: tuple[str, ...] = Field(default=(), description="Why this request, in sentences.")
