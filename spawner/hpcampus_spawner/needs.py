"""What a course, or a researcher, needs of a machine. Needs never name a partition or a site."""

from typing import Literal

from pydantic import Field

from hpcampus_spawner.models import Model


class Needs(Model):
    """The resources of one notebook server, in the units that its field names say."""

    cpus: int = Field(default=1, ge=1, le=10**6)
    memory_gib: float = Field(default=2, gt=0, le=10**6)
    gpus: int = Field(default=0, ge=0, le=10**6)
    gpu_vendor: Literal["nvidia", "amd"] | None = None
    walltime_minutes: int = Field(default=60, ge=1, le=10**6)
    runs_without_gpu: bool = Field(
        default=False, description="Whether the work is still possible on the CPU where a site has no GPU."
    )
    gpu_slice: bool = Field(
        default=False, description="Whether a slice of one GPU, such as a MIG instance, is enough."
    )
