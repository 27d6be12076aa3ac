"""What one run in the sandbox gets: files, libraries, limits. Nothing else of the machine is there."""

import os
from pathlib import Path

from hpcampus_spawner.models import Model
from pydantic import Field

from hpcampus_grading.sandbox.layers import Promise


class RunLimits(Model):
    """How much a submission may use; the numbers are for one run of one notebook."""

    cell_seconds: float = Field(default=30, gt=0, le=3600)
    total_seconds: float = Field(default=600, gt=0, le=86400)
    start_seconds: float = Field(default=60, gt=0, description="until the interpreter is ready")
    grace_seconds: float = Field(default=5, gt=0, description="for a cell that was told to stop")
    memory_mib: int = Field(
        default=4096, ge=256, description="writable memory of one process, and of all of them together"
    )
    disk_mib: int = Field(default=512, ge=16, description="each of the writable folders, kept in memory")
    processes: int = Field(default=256, ge=16, description="processes and threads together")
    threads: int = Field(default=2, ge=1, description="that NumPy and Numba start for one computation")
    output_kib: int = Field(default=1024, ge=16, description="what one cell may print or show")
    notebook_output_kib: int = Field(default=20480, ge=16, description="what all its cells may, together")


class Plan(Model):
    """One run: `files` is a folder that is copied in, `libraries` the import names that must be there.

    `imports` are the modules that the warm parent imports, from the course's own notebooks and never from a
    learner's, so that tests can tell what was replaced in them; `asked` are names that learners are asked to
    define, `shared` those that hold what their answers may change; `may_lack` names the promises of the
    sandbox (`layers.PROMISES`) that the operator gave up.
    """

    files: Path
    libraries: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    may_lack: frozenset[Promise] = frozenset()
    limits: RunLimits = RunLimits()
    gpu: bool = False


def gpu_is_here() -> bool:
    """Whether this machine has an NVIDIA GPU that the work was given."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM") != "1" and Path("/dev/nvidiactl").exists()
