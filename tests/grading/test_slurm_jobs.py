"""What Slurm is told about a worker, and what it is not told."""

from pathlib import Path

import pytest
from campus_under_test import wait_for
from hpcampus_grading.batch.slurm_jobs import cluster_of, kept_at, known
from hpcampus_grading.batch.workers import NoWorkers, job_request, security
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.slurm import request_options

REQUEST = JobRequest(
    partition="boost",
    account="tra24_campus",
    reservation="class-of-monday",
    cpus=8,
    memory_mib=16384,
    gpus=1,
    gpu_type="a100",
    walltime_minutes=60,
)
SECRET = "the-token-of-the-instructor"


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An sbatch that keeps what it was given; answers its folder."""
    folder = tmp_path / "sbatch"
    folder.mkdir()
    program = folder / "sbatch"
    lines = ("#!/bin/sh", "env > environment", 'cat "$1" > script', "echo 17", "exit $(cat code)")
    program.write_text("\n".join((lines[0], f"cd {folder}", *lines[1:], "")))
    (folder / "code").write_text("0")
    program.chmod(0o755)
    (folder / "scancel").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", SECRET)
    return folder


def test_a_worker_is_a_job_like_the_instructors_own(sbatch: Path) -> None:
    request = job_request({"CAMPUS_JOB_REQUEST": REQUEST.model_dump_json()})
    with cluster_of(request, request_options(request), security()) as cluster:
        script = cluster.job_script()
    directives = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]
    for wanted in (
        "--partition=boost",
        "--account=tra24_campus",
        "--cpus-per-task=8",
        "--mem=16384M",
        "--gres=gpu:a100:1",
        "--time=60",
        "--no-requeue",
    ):
        assert wanted in directives
    assert not any("reservation" in line for line in directives)
    assert len([line for line in directives if line.startswith(("--cpus-per-task", "--mem", "--time"))]) == 3
    assert "tls://" in script
    assert "--tls-ca-file" in script


def test_slurm_learns_no_secret(sbatch: Path) -> None:
    request = REQUEST.model_copy(update={"cpus": 1})
    with cluster_of(request, request_options(request), security()) as cluster, kept_at(cluster, 1):
        pass
    sent = (sbatch / "environment").read_text() + (sbatch / "script").read_text()
    assert SECRET not in sent
    assert "PRIVATE KEY" not in sent
    assert "HOME=" in sent


def test_slurms_own_words_are_passed_on(sbatch: Path) -> None:
    (sbatch / "code").write_text("1")
    request = REQUEST.model_copy(update={"cpus": 1})
    with (
        cluster_of(request, request_options(request), security()) as cluster,
        pytest.raises(NoWorkers, match="Slurm refuses"),
        kept_at(cluster, 1),
    ):
        raise AssertionError("it must not come so far")


def test_jobs_that_end_before_they_have_worked_are_not_sent_for_ever(sbatch: Path) -> None:
    """squeue knows none of them, and no worker ever comes."""
    (sbatch / "squeue").symlink_to("/bin/true")
    request = REQUEST.model_copy(update={"cpus": 1})
    with (
        cluster_of(request, request_options(request), security()) as cluster,
        kept_at(cluster, 1, look_milliseconds=50) as check,
        pytest.raises(NoWorkers, match="ended before they had graded anything"),
    ):
        wait_for(check, "nobody gives up", 30)


def test_only_known_variables_travel() -> None:
    environment = {"HOME": "/h", "SLURM_CONF": "/c", "SBATCH_PARTITION": "x", "JUPYTERHUB_API_TOKEN": SECRET}
    assert known(environment) == {"HOME": "/h", "SLURM_CONF": "/c"}


@pytest.mark.parametrize("said", [{}, {"CAMPUS_JOB_REQUEST": "{}"}])
def test_where_no_job_is_known_it_says_what_to_do(said: dict[str, str]) -> None:
    with pytest.raises(NoWorkers, match="--on here"):
        job_request(said)


def test_without_slurm_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoWorkers, match="no sbatch"):
        cluster_of(REQUEST, [], security())


def test_no_job_is_sent_when_it_is_over(sbatch: Path) -> None:
    slow = ("#!/bin/sh", f"cd {sbatch}", "echo >> asked", "sleep 0.5", "echo >> answered", "")
    (sbatch / "squeue").write_text("\n".join(slow))
    (sbatch / "squeue").chmod(0o755)
    request = REQUEST.model_copy(update={"cpus": 1})
    with cluster_of(request, request_options(request), security()) as cluster:
        with kept_at(cluster, 1, look_milliseconds=50):
            wait_for((sbatch / "asked").exists, "Slurm is asked for jobs")
        assert (sbatch / "answered").read_text() == (sbatch / "asked").read_text()
