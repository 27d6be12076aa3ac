"""Lesson 1 at the Slurm sites: matched, sent as the hub sends it, and seen to get what it asked for.

The twin of each site is up for its own tests only; at the end a table says how long each took.
"""

import asyncio
import math
import os
import pwd
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from every_site import LESSON, SECONDS, SLURM_SITES, Desk, an_allocation, answer, any_needs
from hpcampus_hub.twin.waiting import wait_for
from hpcampus_spawner.matching import match
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import SubmissionRefused
from hpcampus_spawner.script import job_script
from hpcampus_spawner.site import Site
from hpcampus_spawner.software import Image, SiteSoftware, Software
from hpcampus_spawner.wishes import Wishes
from hypothesis import HealthCheck, given, settings
from twin_times import UP
from twins import people, running_twin

pytestmark = pytest.mark.slurm

LEARNER = "twin-zoe"
APPTAINER = Path(__file__).parents[1] / "support" / "apptainer.sh"

TOO_SMALL = ("Requested node configuration is not available", "More processors requested than permitted")

# Any needs at any site: so many examples at each.
# One site for each kind of rule: typed GPUs with a share of the cores, srun only, an account, a QOS of the
# project, whole nodes with a QOS. `make test-twins` takes all sixteen.
SOME = ("finisterrae3", "jupiter", "leonardo", "marenostrum5", "meluxina")
TWINS = SLURM_SITES if os.environ.get("CAMPUS_TWINS") == "all" else {name: SLURM_SITES[name] for name in SOME}
EXAMPLES = math.ceil(int(os.environ.get("CAMPUS_EXAMPLES", "50")) / len(TWINS))

# Where lesson 1 lands: partition, account, QOS, and the CPUs and GPUs that it holds. LUMI has AMD GPUs, for
# which numba.cuda makes no code: there it runs on the CPU.
EXPECTED = {
    "arrhenius": ("gpu", "course1-gpu", None, 2, 1),
    "berzelius": ("berzelius", "course1", None, 2, 1),
    "discoverer": ("common", "course1", "course1-qos", 2, 1),
    "finisterrae3": ("medium", "course1", None, 32, 1),
    "helios": ("plgrid-gpu-gh200", "course1-gpu-gh200", None, 2, 1),
    "jean-zay": ("gpu_p6", "course1@h100", None, 24, 1),
    "jupiter": ("booster", "course1", None, 288, 4),
    "karolina": ("qgpu", "course1", None, 16, 1),
    "leonardo": ("boost_usr_prod", "course1", None, 8, 1),
    "lumi": ("small", "course1", None, 2, 0),
    "marenostrum5": ("acc", "course1", "acc_ehpc", 20, 1),
    "meluxina": ("gpu", "course1", "default", 64, 4),
    "musica": ("zen4_0768_h100x4", "course1", "zen4_0768_h100x4", 2, 1),
    "psnc": ("proxima", "course1", None, 2, 1),
    "snellius": ("gpu_h100", "course1", None, 2, 1),
    "vega": ("gpu", "course1", None, 2, 1),
}


@pytest.fixture(scope="module", params=TWINS)
def desk(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[Desk]:
    site = TWINS[request.param]
    with ExitStack() as stack:
        homes = stack.enter_context(people(LEARNER))
        write_stand_in(homes / LEARNER / "python")
        began = time.monotonic()
        twin = stack.enter_context(running_twin(site))
        twin.add_people([LEARNER], an_allocation(site))
        pytestconfig.stash[UP][site.id] = time.monotonic() - began
        yield Desk(site, twin, LEARNER)


def write_stand_in(python: Path) -> None:
    """A program in the place of Python, that says whether it was started by srun, and as what."""
    python.write_text('#!/bin/sh\necho "step:$SLURM_STEP_ID $*" >"$HOME/started"\nexec sleep 1000\n')
    python.chmod(0o755)


def lesson(site: Site) -> JobRequest:
    return match(LESSON, site, an_allocation(site))


async def test_lesson_1_gets_what_it_needs_where_the_site_wants_it(desk: Desk) -> None:
    partition, account, qos, cpus, gpus = EXPECTED[desk.site.id]
    job_id = await desk.send(lesson(desk.site))
    job = desk.running(job_id)
    tres = dict(pair.split("=") for pair in job["TRES"].split(","))
    assert (job["Partition"], job["Account"]) == (partition, account)
    assert qos is None or job["QOS"] == qos
    assert (int(tres["cpu"]), int(tres.get("gres/gpu", 0))) == (cpus, gpus)
    assert job["TimeLimit"] == "01:00:00"
    assert job["NumNodes"] == "1"
    assert job["UserId"].startswith(f"{LEARNER}(")
    await desk.cancel(job_id)


async def test_the_jobs_script_starts_the_notebook_as_the_site_wants_it_started(desk: Desk) -> None:
    home = Path(pwd.getpwnam(LEARNER).pw_dir)
    script = job_script(desk.site, lesson(desk.site), "f" * 32, python=str(home / "python"))
    job_id = await desk.send(lesson(desk.site), script)
    started = home / "started"
    assert wait_for(lambda: started.exists() and started.read_text().endswith("\n"), SECONDS)
    step, *words = started.read_text().split()
    assert step == ("step:0" if desk.site.scheduler.srun_only else "step:")
    assert words == ["-I", "-m", "hpcampus_spawner.node", "f" * 32]
    await desk.cancel(job_id)


@pytest.mark.modules
async def test_modules_are_loaded_and_then_the_container_starts(desk: Desk) -> None:
    home, request = Path(pwd.getpwnam(LEARNER).pw_dir), lesson(desk.site)
    started = home / "started"
    started.unlink(missing_ok=True)
    software = write_container_module(home)
    job_id = await desk.send(request, job_script(desk.site, request, "f" * 32, software))
    assert wait_for(lambda: started.exists() and started.read_text().endswith("\n"), SECONDS)
    assert started.read_text().startswith("step:0" if desk.site.scheduler.srun_only else "step: ")
    partition = desk.site.partition(request.partition)
    assert partition is not None
    gpu = {"nvidia": "--nv|", "amd": "--rocm|"}.get(partition.gpu_vendor or "", "")
    wanted = f"apptainer|exec|{gpu if request.gpus else ''}/images/campus.sif|{home / 'python'}|-I|-m|"
    assert (home / "containers" / "calls").read_text().splitlines()[-1].startswith(wanted)
    await desk.cancel(job_id)


def write_container_module(home: Path) -> SiteSoftware:
    """A module that brings a stand-in for Apptainer, which isn't in Debian, onto PATH."""
    containers, modulefile = home / "containers", home / "modulefiles" / "containers" / "1.0"
    if not containers.exists():
        containers.mkdir()
        shutil.chown(containers, LEARNER)
        shutil.copy(APPTAINER, containers / "apptainer")
        modulefile.parent.mkdir(parents=True)
        modulefile.write_text(f"#%Module1.0\nprepend-path PATH {containers}\n")
    return SiteSoftware(
        everywhere=Software(
            module_paths=(str(home / "modulefiles"),),
            modules=("containers/1.0",),
            image=Image(path="/images/campus.sif", runtime="apptainer"),
            python=str(home / "python"),
        )
    )


SIGNAL_SECONDS = 90
"""slurmctld looks at the time limits every 30 s."""
WAITS = """#!{python}
import signal, pathlib, sys
home = pathlib.Path({home!r})
def told(number, frame):
    (home / "told").touch()
    sys.exit(0)
signal.signal(signal.SIGUSR1, told)
while True:
    signal.pause()
"""


async def test_a_job_is_told_that_its_end_is_near(desk: Desk) -> None:
    if TWINS is not SLURM_SITES and desk.site.id not in ("jupiter", "leonardo"):
        pytest.skip("jobs start like those at LEONARDO here; make test-twins tries it all the same")
    home = Path(pwd.getpwnam(LEARNER).pw_dir)
    waits = home / "waits"
    waits.write_text(WAITS.format(python=sys.executable, home=str(home)))
    waits.chmod(0o755)
    short = lesson(desk.site).model_copy(update={"walltime_minutes": 2})
    job_id = await desk.send(short, job_script(desk.site, short, "f" * 32, python=str(waits)))
    assert wait_for((home / "told").exists, SIGNAL_SECONDS)
    await desk.cancel(job_id)


async def test_any_gpu_will_do_for_work_that_names_no_maker(desk: Desk) -> None:
    request = match(Needs(cpus=2, memory_gib=4, gpus=1), desk.site, an_allocation(desk.site))
    job_id = await desk.send(request)
    tres = desk.running(job_id)["TRES"].split(",")
    assert f"gres/gpu={request.gpus}" in tres
    assert request.gpus >= 1
    await desk.cancel(job_id)


async def test_work_on_the_cpu_finds_its_place(desk: Desk) -> None:
    try:
        request = match(Needs(cpus=2, memory_gib=4), desk.site, an_allocation(desk.site))
    except Refused as refused:
        pytest.fail(refused.sentence)
    job_id = await desk.send(request)
    assert desk.running(job_id)["Partition"] == request.partition
    await desk.cancel(job_id)


async def test_without_an_account_nothing_starts_where_one_is_required(desk: Desk) -> None:
    if not desk.site.account.required:
        pytest.skip("this site doesn't say that jobs must name an account")
    with pytest.raises(Refused) as refused:
        match(LESSON, desk.site)
    assert refused.value.reason == "account"
    await refuses(desk, {"account": None}, "Invalid account or account/partition combination")
    await refuses(desk, {"account": "somebody-elses"}, "Invalid account or account/partition combination")


async def test_too_long_is_refused(desk: Desk) -> None:
    request = lesson(desk.site)
    limits = [p.max_walltime_minutes for p in desk.site.partitions if p.name == request.partition]
    of_qos = [q.max_walltime_minutes for q in desk.site.qos if q.name == request.qos]
    if desk.site.project_qos:
        of_qos.append(desk.site.project_qos.max_walltime_minutes)
    known = [minutes for minutes in limits + of_qos if minutes]
    if not known:
        pytest.skip("no time limit of this partition is published")
    too_long = LESSON.model_copy(update={"walltime_minutes": 100_000})
    with pytest.raises(Refused, match=r"100000 minutes asked for, 1 to \d+ possible.* What would work: "):
        match(too_long, desk.site, an_allocation(desk.site), Wishes(partition=request.partition))
    await refuses(
        desk,
        {"walltime_minutes": min(known) + 1},
        "time limit is invalid|QOSMaxWallDurationPerJobLimit",
    )


async def test_a_wrong_or_missing_qos_is_refused(desk: Desk) -> None:
    if not (desk.site.qos or desk.site.qos_rule.required):
        pytest.skip("this site has no QOS that anybody published")
    await refuses(desk, {"qos": "nonesuch"}, "Invalid qos specification")
    if desk.site.qos_rule.required:
        # Where Slurm's own QOS is one of the site's, it is that one whose limits refuse.
        await refuses(desk, {"qos": None}, "Invalid qos specification|QOSMaxWallDurationPerJobLimit")


async def test_more_gpus_than_a_node_has_are_refused(desk: Desk) -> None:
    needs = Needs(gpus=99)
    place = match(Needs(gpus=1), desk.site, an_allocation(desk.site))
    partition = desk.site.partition(place.partition)
    assert partition is not None
    # A partition whose GPUs nobody has counted refuses no number of them.
    if all(p.gpus is not None for p in desk.site.partitions if p.has_gpus):
        with pytest.raises(Refused, match=r"99 GPUs on a node asked for, at most \d possible"):
            match(needs, desk.site, an_allocation(desk.site))
    with pytest.raises(SubmissionRefused, match="Requested node configuration is not available"):
        await desk.send(place.model_copy(update={"gpus": 99, "gpu_request": "gres"}))


@settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(needs=any_needs)
def test_whatever_is_matched_is_accepted_by_the_sites_own_slurm(desk: Desk, needs: Needs) -> None:
    request = answer(needs, desk.site, an_allocation(desk.site))
    if isinstance(request, Refused):
        assert request.sentence
        return
    refusal = asyncio.run(sent(desk, request))
    # Only a size that nobody published, where the twin has a stand-in, may turn out too small.
    assert refusal is None or (
        any(words in refusal for words in TOO_SMALL) and not size_is_published(desk, request)
    ), request


async def sent(desk: Desk, request: JobRequest) -> str | None:
    """What Slurm says against the job; None when it takes it."""
    try:
        await desk.send(request, script="#!/bin/sh\n")
    except SubmissionRefused as refused:
        return str(refused)
    return None


async def refuses(desk: Desk, change: dict[str, object], sentence: str) -> None:
    """The site's own Slurm says no to lesson 1 with that change, in a sentence without its prefixes."""
    with pytest.raises(SubmissionRefused, match=sentence) as refused:
        await desk.send(lesson(desk.site).model_copy(update=change))
    assert "error:" not in str(refused.value)


def size_is_published(desk: Desk, request: JobRequest) -> bool:
    (mini,) = (m for m in desk.twin.miniature.partitions if m.partition.name == request.partition)
    return mini.size_is_published


async def test_a_slice_is_taken_where_the_site_keeps_slices(desk: Desk) -> None:
    if not any(partition.gpu_slices for partition in desk.site.partitions):
        pytest.skip("this site doesn't hand out slices of GPUs")
    enough = LESSON.model_copy(update={"gpu_slice": True})
    request = match(enough, desk.site, an_allocation(desk.site))
    job_id = await desk.send(request)
    assert desk.running(job_id)["Reservation"] == request.reservation == "1g.10gb"
    await desk.cancel(job_id)
