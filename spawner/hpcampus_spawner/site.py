"""What a site offers, read from one YAML file of facts. A site never names a course.

A field that nobody has published is `None`: unknown is not the same as none, and nothing is made up.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hpcampus_spawner.models import Model, YamlModel

# Names that end up in a scheduler's options: nothing that an option parser could read as more than a name.
SchedulerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
# IDRIS tells the budgets of one project apart by what follows an @.
AccountName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")]
AccountSuffix = Annotated[str, StringConstraints(pattern=r"^[@-][A-Za-z0-9_.@-]{0,31}$")]
SiteId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
# PBS: a resource that nodes have, and its value: node_type=mi300a.
NodeChoice = Annotated[
    str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]{0,31}=[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
]
Minutes = Annotated[int, Field(ge=1)]

# How a job asks for GPUs:
# gres --gres=gpu:N, typed-gres --gres=gpu:TYPE:N, shard --gres=shard:N, gpus --gpus=N,
# gpus-per-node --gpus-per-node=N, whole-node by choosing the partition, with no option at all.
GpuRequest = Literal["gres", "typed-gres", "shard", "gpus", "gpus-per-node", "whole-node"]
# How a job names who pays: -A, or in PBS also -W group_list, the Unix group that it runs with.
AccountRequest = Literal["account", "group-list"]


class Scheduler(Model):
    """The batch system of a site, or `local`: the embedded one, which runs jobs as processes."""

    kind: Literal["local", "slurm", "pbspro"] | None = None
    version: str | None = None
    srun_only: bool | None = Field(
        default=None, description="Whether programs of a job start through srun only."
    )


class GpuSlice(Model):
    """A part of one GPU that is handed out by itself, such as a MIG instance or a share."""

    name: SchedulerName
    request: GpuRequest
    reservation: SchedulerName | None = None
    cpus: int = Field(ge=1, description="What comes with one slice at most.")
    memory_gib: float = Field(gt=0)
    gpu_memory_gib: float | None = Field(default=None, gt=0)


class Partition(Model):
    """A queue and the nodes behind it; figures are for one node, as the scheduler counts them."""

    name: SchedulerName
    select: NodeChoice | None = Field(
        default=None, description="PBS: the resource by which its nodes are chosen; else the name is a queue."
    )
    nodes: int | None = Field(default=None, ge=1)
    cpus: int | None = Field(default=None, ge=1)
    cpu_arch: Literal["x86_64", "aarch64"] | None = None
    memory_gib: float | None = Field(default=None, gt=0)
    schedulable_memory_mib: int | None = Field(default=None, gt=0)
    gpus: int | None = Field(default=None, ge=0)
    gpu_model: str | None = None
    gpu_vendor: Literal["nvidia", "amd"] | None = None
    gpu_arch: str | None = Field(default=None, description="NVIDIA's compute capability, or AMD's gfx id.")
    gpu_type: SchedulerName | None = Field(default=None, description="The type's name in the scheduler.")
    gpu_required: bool | None = Field(default=None, description="Whether every job must ask for a GPU.")
    gpu_slices: tuple[GpuSlice, ...] = ()
    cpus_per_gpu: int | None = Field(default=None, ge=1, description="The CPUs that come with each GPU.")
    memory_gib_per_gpu: float | None = Field(default=None, gt=0)
    max_walltime_minutes: Minutes | None = None
    default_walltime_minutes: Minutes | None = None
    exclusive: bool | None = Field(default=None, description="Whether a job gets whole nodes.")
    default: bool = False
    constraint: SchedulerName | None = Field(default=None, description="The feature that jobs here name.")
    account_suffix: AccountSuffix | None = Field(
        default=None, description="What a project's name ends with where this partition is charged."
    )
    not_for_notebooks: str | None = Field(default=None, description="Why no notebook may run here.")
    purpose: str | None = None

    @property
    def memory_mib(self) -> int | None:
        """What a job can ask for at most on one node, in MiB."""
        if self.schedulable_memory_mib is not None:
            return self.schedulable_memory_mib
        return None if self.memory_gib is None else int(self.memory_gib * 1024)

    @property
    def has_gpus(self) -> bool:
        """Whether GPUs are known to be here; how many of them may be unknown."""
        return bool(self.gpus) or (self.gpus is None and self.gpu_model is not None)


class Qos(Model):
    """A quality of service that a job may name."""

    name: SchedulerName
    partitions: tuple[SchedulerName, ...] = Field(default=(), description="Where it counts; () is unknown.")
    max_walltime_minutes: Minutes | None = None
    default: bool = False
    limit: str | None = None


class ProjectQos(Model):
    """A QOS that each project has for itself: its name is known to the project only."""

    max_walltime_minutes: Minutes | None = None
    limit: str | None = None


class Rule(Model):
    """Whether a job must name its account, or its QOS; `form` is how the site writes that."""

    required: bool | None = None
    form: str | None = None


class Container(Model):
    """The container runtime of a site's nodes."""

    name: str
    version: str | None = None


class Site(YamlModel):
    """One AI Factory's system, or this machine. Without a scheduler or partitions it is only announced."""

    id: SiteId
    factory: str
    host: str | None = None
    country: str | None = None
    city: str | None = None
    system: str | None
    system_role: Literal["in_use", "interim", "planned", "related"] | None = Field(
        default=None, description="Whether it is the factory's own machine; `related`: not confirmed."
    )
    scheduler: Scheduler
    partitions: tuple[Partition, ...]
    qos: tuple[Qos, ...] = ()
    project_qos: ProjectQos | None = None
    account: Rule = Rule()
    account_request: AccountRequest = "account"
    qos_rule: Rule = Rule()
    gpu_request: GpuRequest | None = None
    memory_follows_cpus: bool = Field(
        default=False, description="Whether a job names no memory and gets its CPUs' share."
    )
    container: Container | None = None
    modules: str | None = Field(default=None, description="The system of environment modules.")
    setup: tuple[str, ...] = Field(default=(), description="Lines of shell that a job runs first: modules.")
    compute_internet: bool | None = None
    sources: tuple[str, ...] = ()
    confidence: Literal["high", "medium", "low", "none"]
    unknown: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [partition.name for partition in self.partitions]
        if len(set(names)) != len(names):
            raise ValueError("two partitions have the same name")
        strangers = {name for qos in self.qos for name in qos.partitions} - set(names)
        if strangers:
            raise ValueError(f"a QOS names a partition that isn't there: {', '.join(sorted(strangers))}")
        return self

    @property
    def name(self) -> str:
        """The system's name, or the factory's while it has none."""
        return self.system or self.factory

    @property
    def announced(self) -> bool:
        """Whether too little is published to start anything here."""
        return self.scheduler.kind is None or not self.partitions

    def partition(self, name: str) -> Partition | None:
        """The partition of that name, or None."""
        return next((partition for partition in self.partitions if partition.name == name), None)

    def overrides_partitions(self, qos: Qos) -> bool:
        """Whether a QOS lifts the partitions' time limits: one that is longer than all can mean only that."""
        longest = qos.max_walltime_minutes
        limits = [partition.max_walltime_minutes for partition in self.partitions]
        return longest is not None and all(limit is not None and limit < longest for limit in limits)
