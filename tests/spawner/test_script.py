"""The job as text, and as bash runs it: every value quoted, nothing secret in it, the right programs.

Apptainer is not in Debian: an executable stands in that notes how it was called and runs the command.
"""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hpcampus_hub.settings import SITES
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.local import LocalScheduler
from hpcampus_spawner.scheduler import JobState
from hpcampus_spawner.script import job_script
from hpcampus_spawner.site import Container, Partition, Scheduler, Site
from hpcampus_spawner.software import SiteSoftware
from spawning import SECRET, a_request, a_site, a_submission, until

SPAWN_ID = "0123456789abcdef" * 2
APPTAINER = Path(__file__).parents[1] / "support" / "apptainer.sh"
NODES = (
    Partition(name="cpu", cpu_arch="x86_64"),
    Partition(name="gh200", cpu_arch="aarch64", gpus=4, gpu_vendor="nvidia"),
    Partition(name="mi300", cpu_arch="x86_64", gpus=4, gpu_vendor="amd"),
    Partition(name="some", cpu_arch="x86_64", gpus=4),
)


def software(**facts: object) -> SiteSoftware:
    return SiteSoftware.model_validate(facts)


def run(script: str, folder: Path, path: str = "/usr/bin:/bin", **environment: str) -> str:
    """What the script prints, run by a bash that is no login shell and knows nothing but PATH."""
    done = subprocess.run(
        ["bash"],
        input=script,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **environment},
        check=False,
    )
    return f"{done.stdout}={done.returncode}"


def stand_in(python: Path) -> Path:
    """A program in the place of Python, that says how it was called."""
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text('#!/bin/sh\nprintf "%s|" "$0" "$CAMPUS_TEST" "$@"\n')
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_the_script_of_every_site_is_valid_shell(path: Path) -> None:
    everything = software(
        module_paths=["/a"], modules=["b/1"], image={"path": "/c.sif", "runtime": "apptainer"}
    )
    for chosen in (None, everything):
        script = job_script(Site.load(path), a_request(), SPAWN_ID, chosen)
        assert script.startswith("#!/bin/bash -l\n")
        assert script.endswith("\n")
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_it_hands_over_to_the_wrapper_with_the_spawns_id_and_nothing_else() -> None:
    last = job_script(a_site(), a_request(), SPAWN_ID, python="/opt/python").splitlines()[-1]
    assert last == f"exec /opt/python -I -m hpcampus_spawner.node {SPAWN_ID}"
    assert SECRET not in last


@pytest.mark.parametrize(
    "name", ["a b", "it's", "$(touch owned)", "`touch owned`", '"; touch owned; "', "{{ 7*7 }}"]
)
def test_a_path_stays_one_word_whatever_is_in_it(tmp_path: Path, name: str) -> None:
    python = stand_in(tmp_path / name / "python")
    script = job_script(a_site(), a_request(), "$(touch owned)", python=str(python))
    assert run(script, tmp_path) == f"{python}||-I|-m|hpcampus_spawner.node|$(touch owned)|=0"
    assert not (tmp_path / "owned").exists()


def test_the_sites_own_lines_run_first_and_in_order() -> None:
    site = a_site().model_copy(update={"setup": ("module load python", 'export A="{{ b }}"')})
    lines = job_script(site, a_request(), SPAWN_ID).splitlines()
    assert lines[-3:-1] == ["module load python", 'export A="{{ b }}"']
    assert lines[-1].startswith(f"exec {sys.executable} ")


def test_a_signal_that_comes_early_ends_no_job(tmp_path: Path) -> None:
    site = a_site().model_copy(update={"setup": ("kill -USR1 $$",)})
    python = stand_in(tmp_path / "python")
    assert SPAWN_ID in run(job_script(site, a_request(), SPAWN_ID, software(python=str(python))), tmp_path)


@pytest.mark.parametrize(("partition", "folder"), [("cpu", "x86"), ("gh200", "arm")])
def test_an_environment_is_that_of_the_nodes_architecture(
    tmp_path: Path, partition: str, folder: str
) -> None:
    pythons = {name: stand_in(tmp_path / name / "python") for name in ("x86", "arm")}
    both = software(x86_64={"python": str(pythons["x86"])}, aarch64={"python": str(pythons["arm"])})
    script = job_script(a_site(*NODES), a_request(partition), SPAWN_ID, both)
    assert run(script, tmp_path).startswith(f"{pythons[folder]}|")


def modules_in(folder: Path, **programs: Path) -> SiteSoftware:
    """A module for each program, which brings it onto PATH, and says so in a variable."""
    for name, program in programs.items():
        file = folder / "modulefiles" / name / "1.0-a"
        file.parent.mkdir(parents=True)
        file.write_text(f"#%Module1.0\nprepend-path PATH {program.parent}\nappend-path CAMPUS_TEST {name}\n")
    names = [f"{name}/1.0-a" for name in programs]
    return software(module_paths=[str(folder / "modulefiles")], modules=names, python="python-of-ours")


@pytest.mark.modules
def test_modules_are_really_loaded_in_their_order(tmp_path: Path) -> None:
    python = stand_in(tmp_path / "bin" / "python-of-ours")
    loaded = modules_in(tmp_path, zlib=tmp_path / "zlib", python=python)
    script = job_script(a_site(), a_request(), SPAWN_ID, loaded)
    said = f"{python}|zlib:python|-I|-m|hpcampus_spawner.node|{SPAWN_ID}|=0"
    assert run(script, tmp_path) == said


@pytest.mark.modules
def test_a_module_that_is_not_there_ends_the_job_and_says_so(tmp_path: Path) -> None:
    python = stand_in(tmp_path / "python")
    chosen = software(modules=["nonesuch/1.0"], python=str(python))
    said = run(job_script(a_site(), a_request(), SPAWN_ID, chosen), tmp_path)
    assert "nonesuch/1.0" in said
    assert "The modules of this notebook can't be loaded" in said
    assert str(python) not in said
    assert said.endswith("=3")


@pytest.mark.modules
async def test_a_job_of_the_embedded_scheduler_has_its_modules(
    tmp_path: Path, launcher: Launcher, homes: Path
) -> None:
    python = stand_in(tmp_path / "bin" / "python-of-ours")
    scheduler = LocalScheduler(launcher, tmp_path / "queue.json", cpus=1)
    script = job_script(a_site(), a_request(), SPAWN_ID, modules_in(tmp_path, python=python))
    submission = a_submission(script)
    job_id = await scheduler.submit("ada", submission)

    async def over() -> bool:
        return (await scheduler.jobs())[job_id].state is JobState.GONE

    await until(over, "the job has ended")
    log = homes / "ada" / ".hpcampus" / "spawns" / submission.spawn_id / "job.log"
    assert await asyncio.to_thread(log.read_text) == (
        f"{python}|python|-I|-m|hpcampus_spawner.node|{SPAWN_ID}|"
    )


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    """A folder with stand-ins for the container runtimes, and the list of their calls."""
    folder = tmp_path / "containers"
    folder.mkdir()
    for name in ("apptainer", "singularity"):
        shutil.copy(APPTAINER, folder / name)
    return folder


@pytest.mark.parametrize(
    ("runtime", "named", "request_", "called"),
    [
        ("Apptainer", None, ("cpu", 0), "apptainer|exec|"),
        ("SingularityCE", None, ("cpu", 0), "singularity|exec|"),
        ("Singularity / Apptainer", None, ("cpu", 0), "apptainer|exec|"),
        ("Apptainer", "singularity", ("cpu", 0), "singularity|exec|"),
        (None, "apptainer", ("cpu", 0), "apptainer|exec|"),
        ("Apptainer", None, ("gh200", 1), "apptainer|exec|--nv|"),
        ("Apptainer", None, ("gh200", 0), "apptainer|exec|"),
        ("Singularity", None, ("mi300", 2), "singularity|exec|--rocm|"),
        ("Apptainer", None, ("some", 1), "apptainer|exec|"),
    ],
)
def test_a_job_runs_in_its_image(
    tmp_path: Path,
    containers: Path,
    runtime: str | None,
    named: str | None,
    request_: tuple[str, int],
    called: str,
) -> None:
    named_runtime = Container(name=runtime) if runtime else None
    site = a_site(*NODES).model_copy(update={"container": named_runtime})
    inside = stand_in(tmp_path / "python3")
    image = {"path": "/images/campus-1.0.sif", "bind": ["/scratch", "/project:/p:ro"], "runtime": named}
    chosen = software(image=image)
    script = job_script(site, a_request(*request_), SPAWN_ID, chosen, python="/not/the/hubs")
    said = run(script, tmp_path, path=f"{containers}:{inside.parent}:/usr/bin:/bin")
    command = f"-I|-m|hpcampus_spawner.node|{SPAWN_ID}"
    assert said == f"{inside}||{command}|=0"
    binds = "--bind|/scratch|--bind|/project:/p:ro"
    assert (containers / "calls").read_text() == (
        f"{called}{binds}|/images/campus-1.0.sif|python3|{command}\n"
    )


def test_an_image_may_have_its_python_anywhere(tmp_path: Path, containers: Path) -> None:
    inside = stand_in(tmp_path / "opt" / "campus" / "bin" / "python")
    chosen = software(image={"path": "/i.sif", "runtime": "apptainer"}, python=str(inside))
    script = job_script(a_site(), a_request(), SPAWN_ID, chosen)
    said = run(script, tmp_path, path=f"{containers}:/usr/bin:/bin")
    assert said == f"{inside}||-I|-m|hpcampus_spawner.node|{SPAWN_ID}|=0"


def test_where_everything_starts_through_srun_the_container_does_too() -> None:
    site = a_site().model_copy(update={"scheduler": Scheduler(kind="slurm", srun_only=True)})
    chosen = software(image={"path": "/i.sif", "runtime": "apptainer"})
    last = job_script(site, a_request(), SPAWN_ID, chosen).splitlines()[-1]
    assert last.startswith("exec srun --ntasks=1 ")
    assert last.endswith(f" apptainer exec /i.sif python3 -I -m hpcampus_spawner.node {SPAWN_ID}")
