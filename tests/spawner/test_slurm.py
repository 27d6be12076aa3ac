"""The Slurm scheduler against executables that behave as the measured ones do."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hpcampus_spawner import commands
from hpcampus_spawner.commands import LocalCommands
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.scheduler import JobState, SchedulerError, SubmissionRefused
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.watcher import Watcher
from hpcampus_spawner.ways import SharedAccount
from spawning import SECRET, FakeSlurm, a_submission

MUNGE_DOWN = """\
squeue: error: If munged is up, restart with --num-threads=10
squeue: error: Munge encode failed: Failed to access "/run/munge/munge.socket.2": No such file or directory
squeue: error: slurm_send_node_msg: auth_g_create: REQUEST_JOB_INFO has authentication error
slurm_load_jobs error: Protocol authentication error
"""
FAILURES = {
    "slurmctld killed": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
    "slurmctld hung": "slurm_load_jobs error: Socket timed out on send/recv operation",
    "munge down": MUNGE_DOWN,
    "slurm.conf missing": "squeue: fatal: Unable to process configuration file",
    "anything new": "squeue: error: something that no version said before",
}
RUNNING = "7|RUNNING|gpu|100|N/A|N/A|None|n1\n"


@pytest.fixture
def scheduler(slurm_commands: FakeSlurm, launcher: Launcher) -> SlurmScheduler:
    return SlurmScheduler(launcher)


async def test_one_query_brings_everybodys_jobs(scheduler: SlurmScheduler, slurm_commands: FakeSlurm) -> None:
    slurm_commands.answer("squeue", RUNNING + "8|PENDING|gpu|90|N/A|N/A|Priority|\n")
    jobs = await scheduler.jobs()
    assert {job_id: job.state for job_id, job in jobs.items()} == {
        "7": JobState.RUNNING,
        "8": JobState.PENDING,
    }
    assert slurm_commands.calls("squeue") == 1
    assert "-a" in slurm_commands.argv("squeue")
    assert "-u" not in slurm_commands.argv("squeue")


@pytest.mark.parametrize("err", FAILURES.values(), ids=FAILURES)
async def test_a_failed_query_leaves_everything_as_it_was(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, err: str
) -> None:
    watcher = Watcher(scheduler)
    slurm_commands.answer("squeue", RUNNING)
    await watcher.ask()
    slurm_commands.answer("squeue", err=err, code=1)
    for _ in range(3):
        await watcher.ask()
    assert watcher.problem is not None
    assert err.strip().splitlines()[-1] in watcher.problem
    status = watcher.status("7", since=0.0)
    assert status is not None
    assert status.state is JobState.RUNNING


async def test_a_query_that_hangs_is_given_up(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "QUERY_SECONDS", 0.3)
    slurm_commands.answer("squeue", RUNNING, hangs=True)
    with pytest.raises(SchedulerError, match=r"no answer within 0\.3 s"):
        await scheduler.jobs()


async def test_a_missing_squeue_is_unknown_too(
    slurm_commands: FakeSlurm, launcher: Launcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SchedulerError, match="squeue"):
        await SlurmScheduler(launcher).jobs()


async def test_an_empty_answer_that_succeeded_says_that_the_job_is_gone(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    watcher = Watcher(scheduler)
    slurm_commands.answer("squeue", RUNNING)
    await watcher.ask()
    slurm_commands.answer("squeue", "")
    await watcher.ask()
    await watcher.ask()
    status = watcher.status("7", since=0.0)
    assert status is not None
    assert status.state is JobState.GONE


async def test_times_are_asked_for_and_read_in_utc_whatever_the_zone_here(
    slurm_commands: FakeSlurm, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    slurm_commands.answer("squeue", "8|PENDING|gpu|90|2030-01-02T03:04:05|N/A|Priority|\n")
    jobs = await SlurmScheduler(launcher).jobs()
    assert slurm_commands.environment("squeue")["TZ"] == "UTC"
    assert jobs["8"].starts == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_a_submission_becomes_options_script_and_a_private_ticket(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_PARTITION", "vip")
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    slurm_commands.answer("sbatch", "42;leonardo\n")
    submission = a_submission("#!/bin/bash\necho hello\n")
    assert await scheduler.submit("ada", submission) == "42"
    argv = slurm_commands.argv("sbatch")
    assert {"--no-requeue", "--export=ALL", "--open-mode=append", "--partition=cpu", "--mem=1024M"} <= set(
        argv
    )
    assert f"--comment={submission.tag}" in argv
    assert f"--chdir={homes / 'ada'}" in argv
    assert slurm_commands.stdin("sbatch") == submission.script
    environment = slurm_commands.environment("sbatch")
    assert not [name for name in environment if name.startswith(("SBATCH", "SLURM"))]
    seen = json.dumps([argv, slurm_commands.stdin("sbatch"), environment])
    assert SECRET not in seen


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (
            "sbatch: error: Batch job submission failed: Invalid account or account/partition combination",
            "Batch job submission failed: Invalid account or account/partition combination",
        ),
        (
            "sbatch: error: Batch job submission failed: Invalid qos specification",
            "Invalid qos specification",
        ),
        ("", "sbatch gave no reason"),
    ],
)
async def test_a_refusal_is_the_schedulers_own_sentence(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, err: str, said: str
) -> None:
    slurm_commands.answer("sbatch", err=err, code=1)
    with pytest.raises(SubmissionRefused) as refused:
        await scheduler.submit("ada", a_submission())
    assert said in str(refused.value)
    assert "error:" not in str(refused.value)


@pytest.mark.parametrize(
    "err",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received",
        "sbatch: error: Batch job submission failed: Protocol authentication error",
        "sbatch: fatal: Unable to process configuration file",
    ],
)
async def test_a_submission_whose_answer_got_lost_is_found_by_its_tag(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, err: str
) -> None:
    submission = a_submission()
    slurm_commands.answer("sbatch", err=err, code=1)
    with pytest.raises(SchedulerError):
        await scheduler.submit("ada", submission)
    slurm_commands.answer("squeue", f"40|a comment of ada's own\n41|{submission.tag}x\n42|{submission.tag}\n")
    assert await scheduler.find("ada", submission.tag) == "42"
    argv = slurm_commands.argv("squeue")
    assert argv[argv.index("-u") + 1] == "ada"
    slurm_commands.answer("squeue", "")
    assert await scheduler.find("ada", submission.tag) is None


@pytest.mark.parametrize("out", ["", "--uid=root\n", "7 8\n", "7\n8\n", "Submitted batch job 7\n"])
async def test_what_is_no_job_id_is_not_taken_for_one(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, out: str
) -> None:
    slurm_commands.answer("sbatch", out)
    with pytest.raises(SchedulerError, match="no job id"):
        await scheduler.submit("ada", a_submission())


async def test_a_search_without_an_answer_is_unknown(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    slurm_commands.answer("squeue", err=FAILURES["slurmctld killed"], code=1)
    with pytest.raises(SchedulerError):
        await scheduler.find("ada", "hpcampus:test:1")


async def test_without_sbatch_the_learner_is_told(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slurm_commands.folder / "sbatch").unlink()
    monkeypatch.setenv("PATH", str(slurm_commands.folder))
    with pytest.raises(SubmissionRefused, match="sbatch: not found"):
        await scheduler.submit("ada", a_submission())


async def test_a_job_that_is_gone_already_counts_as_cancelled(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    await scheduler.cancel("ada", "7")
    assert slurm_commands.argv("scancel") == ["7"]
    slurm_commands.answer(
        "scancel", err="scancel: error: Kill job error on job id 7: Invalid job id specified", code=1
    )
    await scheduler.cancel("ada", "7")
    slurm_commands.answer("scancel", err="scancel: error: Unable to contact slurm controller", code=1)
    with pytest.raises(SchedulerError, match="scancel"):
        await scheduler.cancel("ada", "7")


async def test_a_node_is_reached_by_its_address_and_asked_for_once(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    slurm_commands.answer(
        "scontrol", "NodeName=n1 Arch=x86_64 NodeAddr=10.0.0.7 NodeHostName=host State=IDLE\n"
    )
    assert [await scheduler.address("n1"), await scheduler.address("n1")] == ["10.0.0.7"] * 2
    assert slurm_commands.calls("scontrol") == 1


async def test_a_node_whose_address_nobody_says_is_unknown(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    slurm_commands.answer("scontrol", err="slurm_load_node error: Unable to contact slurm controller", code=1)
    with pytest.raises(SchedulerError):
        await scheduler.address("n1")
    slurm_commands.answer("scontrol", "NodeName=n1 NodeAddr=10.0.0.7\n")
    assert await scheduler.address("n1") == "10.0.0.7"


async def test_how_a_job_ended_comes_with_the_end_of_its_log(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm, homes: Path
) -> None:
    slurm_commands.answer("sbatch", "42\n")
    submission = a_submission()
    await scheduler.submit("ada", submission)
    folder = homes / "ada" / ".hpcampus" / "spawns" / submission.spawn_id
    (folder / "job.log").write_bytes(b"x" * 9000 + b"\xff the end")
    slurm_commands.answer(
        "scontrol", "JobId=42 JobName=hpcampus JobState=OUT_OF_MEMORY ExitCode=0:125 Reason=None\n"
    )
    ending = await scheduler.ending("ada", "42", submission.spawn_id)
    assert (ending.word, ending.exit_code) == ("OUT_OF_MEMORY", 0)
    assert ending.log.endswith("\ufffd the end")
    assert len(ending.log) == 4096


async def test_how_a_job_ended_never_fails(scheduler: SlurmScheduler, slurm_commands: FakeSlurm) -> None:
    slurm_commands.answer("scontrol", err="slurm_load_jobs error: Invalid job id specified", code=1)
    ending = await scheduler.ending("Not A Name", "42", "not an id")  # refused by the launcher
    assert (ending.word, ending.exit_code, ending.log) == ("", None, "")


async def test_a_private_cluster_is_reached_through_its_own_file(
    slurm_commands: FakeSlurm, homes: Path
) -> None:
    environment = {"SLURM_CONF": "/etc/twin/slurm.conf", "PATH": os.environ["PATH"]}
    scheduler = SlurmScheduler(Launcher(SharedAccount(homes, environment)), LocalCommands(environment))
    slurm_commands.answer("sbatch", "1\n")
    await scheduler.submit("ada", a_submission())
    await scheduler.jobs()
    for command in ("sbatch", "squeue"):
        assert slurm_commands.environment(command)["SLURM_CONF"] == "/etc/twin/slurm.conf"


async def test_the_estimated_start_is_shown(scheduler: SlurmScheduler, slurm_commands: FakeSlurm) -> None:
    slurm_commands.answer("squeue", "8|PENDING|gpu|90|2030-01-02T03:04:05|N/A|Priority|\n")
    assert (await scheduler.jobs())["8"].starts == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_what_is_free_takes_two_questions(scheduler: SlurmScheduler, slurm_commands: FakeSlurm) -> None:
    slurm_commands.answer("sinfo", "cpu|up|idle|2|0/8/0/8|1000|0|(null)|gpu:0|\n")
    slurm_commands.answer("scontrol", "No reservations in the system\n")
    offers = await scheduler.offers()
    assert offers.partitions["cpu"].free_cpus == 8
    assert (slurm_commands.calls("sinfo"), slurm_commands.calls("scontrol")) == (1, 1)


async def test_an_estimate_is_asked_for_as_the_learner_and_submits_nothing(
    scheduler: SlurmScheduler, slurm_commands: FakeSlurm
) -> None:
    request = a_submission().request
    said = "sbatch: Job 4 to start at 2030-01-02T03:04:05 using 1 processors on nodes n1 in partition cpu\n"
    slurm_commands.answer("sbatch", err=said)
    starts = await scheduler.estimate("ada", request)
    assert starts == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert slurm_commands.environment("sbatch")["TZ"] == "UTC"
    assert "--test-only" in slurm_commands.argv("sbatch")
    slurm_commands.answer("sbatch", err="allocation failure: Invalid partition name specified\n", code=1)
    assert await scheduler.estimate("ada", request) is None
