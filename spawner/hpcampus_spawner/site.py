"""What a site offers, read from one YAML file of facts. A site never names a course.

A field that nobody has published is `None`: unknown is not the same as none, and nothing is made up.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hpcampus_spawner.models import Model, YamlModel

# Names that end up in a scheduler's options: nothing that an option parser could read as more than a name.
SchedulerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Scheduler(Model):
    """The batch system of a site, or `local`: the embedded one, which runs jobs as processes."""

    kind: Literal["local", "slurm"]
    version: str | None = None


class Partition(Model):
    """A queue and the nodes behind it; figures are for one node, as the scheduler counts them."""

    name: SchedulerName
    nodes: int | None = Field(default=None, ge=1)
    cpus: int | None = Field(default=None, ge=1)
    memory_gib: float | None = Field(default=None, gt=0)
    schedulable_memory_mib: int | None = Field(default=None, gt=0)
    gpus: int | None = Field(default=None, ge=0)
    gpu_model: str | None = None
    gpu_vendor: Literal["nvidia", "amd"] | None = None
    gpu_type: SchedulerName | None = Field(default=None, description="The type's name in the scheduler.")
    max_walltime_minutes: int | None = Field(default=None, ge=1)
    exclusive: bool | None = None
    default: bool = False
    purpose: str | None = None

    @property
    def memory_mib(self) -> int | None:
        """What a job can ask for at most on one node, in MiB."""
        if self.schedulable_memory_mib is not None:
            return self.schedulable_memory_mib
        return None if self.memory_gib is None else int(self.memory_gib * 1024)


class Qos(Model):
    """A quality of service that a job may name."""

    name: SchedulerName
    max_walltime_minutes: int | None = Field(default=None, ge=1)
    limit: str | None = None


class AccountRule(Model):
    """Whether a job must name the account (the project) that it is charged to."""

    required: bool | None = None
    form: str | None = None


class Site(YamlModel):
    """One AI Factory's system, or this machine."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    factory: str
    system: str
    country: str | None = None
    scheduler: Scheduler
    partitions: tuple[Partition, ...] = Field(min_length=1)
    qos: tuple[Qos, ...] = ()
    account: AccountRule = AccountRule()
    gpu_request: Literal["gres"] | None = Field(
        default=None, description="How a job asks for GPUs; `gres` is --gres=gpu:N."
    )
    setup: tuple[str, ...] = Field(default=(), description="Lines of shell that a job runs first: modules.")
    sources: tuple[str, ...] = ()
    confidence: Literal["high", "medium", "low", "none"]
    unknown: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [partition.name for partition in self.partitions]
        if len(set(names)) != len(names):
            raise ValueError("two partitions have the same name")
        if any(partition.gpus for partition in self.partitions) and self.gpu_request is None:
            raise ValueError("a partition has GPUs, but gpu_request doesn't say how to ask for them")
        return self

    def partition(self, name: str) -> Partition | None:
        """The partition of that name, or None."""
        return next((partition for partition in self.partitions if partition.name == name), None)
