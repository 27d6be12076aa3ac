"""Where the programs of a site's jobs come from, as the people who run the campus arranged it.

That a site has modules or a container runtime is a fact of the site; which of them to use is their choice.
Everything here ends up in a job's script, so that nothing may mean anything to a shell.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hpcampus_spawner.models import Model
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Partition, Site

_WORD = r"[A-Za-z0-9_.+=@-]+"
FilePath = Annotated[str, StringConstraints(pattern=rf"^(/{_WORD})+$", max_length=1024)]
ModuleName = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9]({_WORD})?(/{_WORD})*$", max_length=256)]
Program = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=64)]
Bind = Annotated[str, StringConstraints(pattern=rf"^(/{_WORD})+(:(/{_WORD})+(:(ro|rw))?)?$", max_length=2048)]
Runtime = Literal["apptainer", "singularity"]


class Image(Model):
    """A container image that jobs run in; the learner's home is there as everywhere."""

    path: FilePath
    bind: tuple[Bind, ...] = Field(default=(), description="Folders to be seen inside: `from[:to[:ro]]`.")
    runtime: Runtime | None = Field(default=None, description="The program; else what the site's file says.")


class Software(Model):
    """What a job does before it becomes a notebook server, and the Python that it becomes one with."""

    module_paths: tuple[FilePath, ...] = Field(default=(), description="For `module use`.")
    modules: tuple[ModuleName, ...] = Field(default=(), description="For `module load`, in this order.")
    image: Image | None = None
    python: FilePath | Program | None = Field(
        default=None,
        description="An environment's Python, or a name on PATH; else the hub's own, or an image's python3.",
    )


_THE_HUBS_OWN = Software()


class SiteSoftware(Model):
    """The software of one site: the same on all of its nodes, or by their processors' architecture."""

    everywhere: Software | None = None
    x86_64: Software | None = None
    aarch64: Software | None = None

    @model_validator(mode="before")
    @classmethod
    def _may_be_the_same_everywhere(cls, value: Any) -> Any:
        by_architecture = isinstance(value, dict) and value.keys() <= cls.model_fields.keys()
        return value if by_architecture or not isinstance(value, dict) else {"everywhere": value}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.everywhere and self._differs:
            raise ValueError("say it for everywhere, or for each architecture")
        return self

    @property
    def _differs(self) -> bool:
        return bool(self.x86_64 or self.aarch64)

    def on(self, partition: Partition | None) -> Software | None:
        """What jobs on that partition use; None where nothing is arranged for its architecture."""
        if not self._differs:
            return self.everywhere or _THE_HUBS_OWN
        found = {"x86_64": self.x86_64, "aarch64": self.aarch64}
        return found.get(partition.cpu_arch or "") if partition else None

    def problems(self, site: Site) -> Iterator[str]:
        """Why jobs at that site couldn't start, one sentence each."""
        for partition in site.partitions:
            if partition.not_for_notebooks is not None:
                continue
            software, architecture = self.on(partition), partition.cpu_arch or "an unknown architecture"
            if software is None:
                yield f"nothing is said for {partition.name}, whose nodes are of {architecture}."
            elif software.image and runtime(software.image, site) is None:
                yield (
                    f"{site.id}.yaml names no container runtime that is known here; say which program it is, "
                    "with `runtime` beside the image's path."
                )
                return


def runtime(image: Image, site: Site) -> Runtime | None:
    """The program that runs the image: the operator's word, or what the site's file says."""
    if image.runtime is not None:
        return image.runtime
    name = site.container.name.lower() if site.container else ""
    known: tuple[Runtime, ...] = ("apptainer", "singularity")
    return next((program for program in known if program in name), None)


def container(software: Software, site: Site, request: JobRequest) -> list[str]:
    """What stands before a command so that it runs in the image; nothing without one."""
    image = software.image
    if image is None:
        return []
    partition = site.partition(request.partition)
    vendor = partition.gpu_vendor if partition and request.gpus else None
    gpu = {"nvidia": ["--nv"], "amd": ["--rocm"]}.get(vendor or "", [])
    binds = [word for bind in image.bind for word in ("--bind", bind)]
    return [runtime(image, site) or "apptainer", "exec", *gpu, *binds, image.path]
