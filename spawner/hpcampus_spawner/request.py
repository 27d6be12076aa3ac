"""The request for one job: everything the scheduler is told, and nothing that a learner typed."""

from pydantic import Field

from hpcampus_spawner.models import Model
from hpcampus_spawner.site import AccountName, AccountRequest, GpuRequest, NodeChoice, SchedulerName

# In a server's environment: the request that its job was made with, so that it can ask for jobs like its own.
VARIABLE = "CAMPUS_JOB_REQUEST"


class JobRequest(Model):
    """One job on one node. Made by `matching.match` alone; memory in MiB, time in minutes."""

    partition: SchedulerName
    select: NodeChoice | None = Field(default=None, description="PBS: chosen by this and not by a queue.")
    account: AccountName | None = None
    account_request: AccountRequest = "account"
    qos: SchedulerName | None = None
    reservation: SchedulerName | None = None
    constraint: SchedulerName | None = None
    cpus: int = Field(ge=1)
    memory_mib: int | None = Field(ge=1, description="None where the site gives memory by the CPUs.")
    gpus: int = Field(default=0, ge=0)
    gpu_request: GpuRequest = "gres"
    gpu_type: SchedulerName | None = None
    exclusive: bool = Field(default=False, description="The whole node, with all of its memory.")
    walltime_minutes: int = Field(ge=1)
    explanation: tuple[str, ...] = Field(default=(), description="Why this request, in sentences.")
