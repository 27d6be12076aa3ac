"""What the tests of all sites share: lesson 1, an allocation, and jobs sent as the hub sends them."""

from dataclasses import dataclass
from uuid import uuid4

from hpcampus_courses import Course
from hpcampus_hub.settings import COURSES, SITES
from hpcampus_hub.twin import Twin
from hpcampus_hub.twin.commands import run
from hpcampus_hub.twin.waiting import wait_for
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.commands import LocalCommands
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Submission
from hpcampus_spawner.site import Site
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.ways import Root
from hypothesis import strategies as st

LESSON = Course.load(COURSES / "gpu-numba" / "course.yaml").needs
ALL_SITES = {path.stem: Site.load(path) for path in sorted(SITES.glob("*.yaml"))}
SLURM_SITES = {name: site for name, site in ALL_SITES.items() if site.scheduler.kind == "slurm"}
SECONDS = 20

# Most of them fit somewhere, and some nowhere.
any_needs = st.builds(
    Needs,
    cpus=st.integers(1, 16) | st.integers(1, 400),
    memory_gib=st.integers(1, 64) | st.integers(1, 6000),
    gpus=st.integers(0, 2) | st.integers(0, 10),
    gpu_vendor=st.sampled_from([None, None, "nvidia", "amd"]),
    walltime_minutes=st.integers(1, 240) | st.integers(1, 20_000),
    runs_without_gpu=st.booleans(),
    gpu_slice=st.booleans(),
)


def an_allocation(site: Site) -> Allocation:
    """What a course has at a site, with a QOS where the site gives each project its own."""
    return Allocation(account="course1", qos="course1-qos" if site.project_qos else None, reason="a test")


def answer(needs: Needs, site: Site, allocation: Allocation | None) -> JobRequest | Refused:
    """What the match says, whichever it is."""
    try:
        return match(needs, site, allocation)
    except Refused as refused:
        return refused


@dataclass
class Desk:
    """One learner at one twin. Jobs go through the hub's own scheduler and launcher."""

    site: Site
    twin: Twin
    learner: str

    def __post_init__(self) -> None:
        environment = self.twin.environment
        self._scheduler = SlurmScheduler(Launcher(Root(environment)), LocalCommands(environment))

    async def send(self, request: JobRequest, script: str = "#!/bin/sh\nexec sleep 1000\n") -> str:
        """The job's id; raises `SubmissionRefused`."""
        spawn_id = uuid4().hex
        submission = Submission(spawn_id, f"hpcampus:test:{spawn_id}", request, script, ticket="{}")
        return await self._scheduler.submit(self.learner, submission)

    async def cancel(self, job_id: str) -> None:
        """End the job."""
        await self._scheduler.cancel(self.learner, job_id)

    def job(self, job_id: str) -> dict[str, str]:
        """What slurmctld says of the job."""
        shown = run(["scontrol", "--oneliner", "show", "job", job_id], self.twin.environment)
        return dict(word.split("=", 1) for word in shown.split() if "=" in word)

    def running(self, job_id: str) -> dict[str, str]:
        """What slurmctld says of the job once it runs."""
        assert wait_for(lambda: self.job(job_id)["JobState"] == "RUNNING", SECONDS), self.job(job_id)
        return self.job(job_id)
