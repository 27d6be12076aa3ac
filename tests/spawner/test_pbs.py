"""PBS Pro through the real launcher, against executables that behave as its manuals say: none was live."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from every_site import ALL_SITES, LESSON
from fake_pbs import FakePbs
from hpcampus_hub.settings import Settings
from hpcampus_hub.site_cluster import open_clusters
from hpcampus_spawner import commands
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.matching import match
from hpcampus_spawner.origin import THIS_MACHINE
from hpcampus_spawner.pbs import PbsScheduler, job_name, qsub_options
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import JobState, SchedulerError, Submission, SubmissionRefused
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.watcher import Watcher
from small_hub import SmallHub, starting
from spawning import SECRET, a_submission, until

DOWN = """\
Connection refused
qstat: cannot connect to server pbs01 (errno=15010)
"""
SPAWN_ID = "f" * 32


@pytest.fixture
def scheduler(pbs: FakePbs, launcher: Launcher) -> PbsScheduler:
    return PbsScheduler(launcher)


def submission(request: JobRequest) -> Submission:
    return Submission(SPAWN_ID, f"hpcampus:0a1b2c3d:{SPAWN_ID}", request, "#!/bin/bash\n", ticket="{}")


def a_request(**facts: Any) -> JobRequest:
    basis = {"partition": "gpu", "cpus": 2, "memory_mib": 4096, "walltime_minutes": 90}
    return JobRequest.model_validate({**basis, **facts})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, {"-q gpu", "-l select=1:ncpus=2:mem=4096mb"}),
        ({"memory_mib": None}, {"-q gpu", "-l select=1:ncpus=2"}),
        ({"gpus": 2}, {"-q gpu", "-l select=1:ncpus=2:mem=4096mb:ngpus=2"}),
        ({"gpus": 4, "gpu_request": "whole-node"}, {"-q gpu", "-l select=1:ncpus=2:mem=4096mb"}),
        ({"exclusive": True}, {"-q gpu", "-l select=1:ncpus=2", "-l place=excl"}),
        ({"select": "node_type=x", "exclusive": True}, {"-l select=1:node_type=x"}),
        ({"select": "node_type=x", "gpus": 1}, {"-l select=1:node_type=x:ncpus=2:mem=4096mb:ngpus=1"}),
        ({"account": "abc"}, {"-q gpu", "-l select=1:ncpus=2:mem=4096mb", "-A abc"}),
        (
            {"account": "abc", "account_request": "group-list"},
            {"-q gpu", "-l select=1:ncpus=2:mem=4096mb", "-W group_list=abc"},
        ),
    ],
)
def test_a_request_becomes_options_of_qsub(facts: dict[str, Any], said: set[str]) -> None:
    always = {f"-N hpcampus.0a1b2c3d.{SPAWN_ID}", "-l walltime=01:30:00"}
    assert set(qsub_options(submission(a_request(**facts)))) == said | always


async def test_lesson_1_asks_for_a_whole_node_of_hunter(scheduler: PbsScheduler, pbs: FakePbs) -> None:
    hunter = ALL_SITES["hunter"]
    needs = LESSON.model_copy(update={"gpu_vendor": None})
    request = match(needs, hunter, Allocation(account="tra1"))
    job = pbs.job(await scheduler.submit("ada", submission(request)))
    assert job["Resource_List"] == {"nodect": 1, "select": "1:node_type=mi300a", "walltime": "01:00:00"}
    assert (job["group_list"], job["Rerunable"], job["Job_Owner"]) == ("tra1", "False", "ada@login01")
    (call,) = pbs.calls("qsub")
    assert "-q" not in call["argv"]
    # As it is written it needs NVIDIA's GPUs, or none: then it still goes where there are nodes.
    request = match(LESSON, hunter)
    assert (request.select, request.gpus, request.exclusive) == ("node_type=mi300a", 0, True)


async def test_times_are_asked_for_in_utc(
    scheduler: PbsScheduler, pbs: FakePbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    await scheduler.jobs()
    assert pbs.calls("qstat")[0]["environment"]["TZ"] == "UTC"


async def test_a_submission_becomes_options_script_and_a_private_ticket(
    scheduler: PbsScheduler, pbs: FakePbs, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PBS_DEFAULT", "another-server")
    job = a_submission("#!/bin/bash\necho hello\n")
    assert await scheduler.submit("ada", job) == "101.pbs01"
    (call,) = pbs.calls("qsub")
    argv = call["argv"]
    assert argv[argv.index("-N") + 1] == job_name(job.tag)
    assert argv[argv.index("-r") + 1] == "n"
    folder = homes / "ada" / ".hpcampus" / "spawns" / job.spawn_id
    assert argv[argv.index("-o") + 1] == str(folder / "job.log")
    assert call["stdin"] == job.script
    assert (folder / "ticket.json").read_text() == job.ticket
    assert not [name for name in call["environment"] if name.startswith("PBS")]
    assert SECRET not in json.dumps(call)


async def test_a_job_is_followed_from_the_queue_to_its_end(
    scheduler: PbsScheduler, pbs: FakePbs, homes: Path
) -> None:
    watcher = Watcher(scheduler)
    job = a_submission()
    job_id = await scheduler.submit("ada", job)
    comment = "Not Running: Insufficient amount of resource: ncpus (R: 2 A: 0 T: 64)"
    seen = []
    for change in (
        {"comment": comment, "estimated": {"start_time": 1893560400}},
        {"job_state": "R", "exec_host": "n1/0*2", "stime": 1893553445},
        {"job_state": "S"},
        {"job_state": "R"},
        {"job_state": "E"},
    ):
        pbs.change(job_id, **change)
        await watcher.ask()
        status = watcher.status(job_id, since=0.0)
        assert status is not None
        seen.append((status.state, status.place, status.node, bool(status.starts), bool(status.ends)))
    assert seen == [
        (JobState.PENDING, 1, "", True, False),
        (JobState.RUNNING, None, "n1", False, True),
        (JobState.PAUSED, None, "n1", False, True),
        (JobState.RUNNING, None, "n1", False, True),
        (JobState.ENDING, None, "n1", False, True),
    ]
    assert len(pbs.calls("qstat")) == 5
    pbs.change(job_id, job_state="F", Exit_status=3)
    for _ in range(2):
        await watcher.ask()
    status = watcher.status(job_id, since=0.0)
    assert status is not None
    assert status.state is JobState.GONE
    (homes / "ada" / ".hpcampus" / "spawns" / job.spawn_id / "job.log").write_text("the end")
    ending = await scheduler.ending("ada", job_id, job.spawn_id)
    assert (ending.word, ending.exit_code, ending.log) == ("FAILED", 3, "the end")


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        (0, "COMPLETED", 0),
        (1, "FAILED", 1),
        (-27, "OUT_OF_MEMORY", None),
        (-29, "TIMEOUT", None),
        (-1, "LAUNCH_FAILED", None),
        (271, "CANCELLED", None),
        (265, "FAILED", None),
        (None, "", None),
        ("1", "", None),
    ],
)
async def test_how_a_job_ended_is_said_by_its_exit_status(
    scheduler: PbsScheduler, pbs: FakePbs, status: object, word: str, code: int | None
) -> None:
    job_id = await scheduler.submit("ada", a_submission())
    pbs.change(job_id, job_state="F", Exit_status=status)
    ending = await scheduler.ending("ada", job_id, SPAWN_ID)
    assert (ending.word, ending.exit_code) == (word, code)


async def test_how_a_job_ended_never_fails(scheduler: PbsScheduler, pbs: FakePbs) -> None:
    ending = await scheduler.ending("Not A Name", "7.pbs01", "not an id")
    assert (ending.word, ending.exit_code, ending.log) == ("", None, "")
    pbs.fail("qstat", err="qstat: PBS is not configured to maintain job history", code=1)
    assert (await scheduler.ending("ada", "7.pbs01", SPAWN_ID)).word == ""


@pytest.mark.parametrize(
    ("cluster", "change", "said"),
    [
        ({}, {"partition": "nonesuch"}, "Unknown queue"),
        ({}, {"partition": "short"}, "Job violates queue and/or server resource limits"),
        ({"account_required": True}, {}, "Job rejected: name the account that pays for it."),
    ],
)
async def test_a_refusal_is_pbss_own_sentence(
    scheduler: PbsScheduler, pbs: FakePbs, cluster: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    pbs.set(**cluster)
    with pytest.raises(SubmissionRefused) as refused:
        await scheduler.submit("ada", submission(a_request(partition="cpu").model_copy(update=change)))
    assert str(refused.value) == said


async def test_without_qsub_the_learner_is_told(
    scheduler: PbsScheduler, pbs: FakePbs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pbs.folder / "qsub").unlink()
    monkeypatch.setenv("PATH", str(pbs.folder))
    with pytest.raises(SubmissionRefused, match="not found"):
        await scheduler.submit("ada", a_submission())


@pytest.mark.parametrize(
    "err",
    [
        "Connection refused\nqsub: cannot connect to server pbs01 (errno=111)",
        "qsub: Communication failure.",
        "pbs_iff: cannot connect to host\nNo Permission.",
        "qsub: End of File",
    ],
)
async def test_a_submission_whose_answer_got_lost_is_found_by_its_name(
    scheduler: PbsScheduler, pbs: FakePbs, err: str
) -> None:
    lost, other = a_submission(), a_submission()
    job_id = await scheduler.submit("ada", lost)
    await scheduler.submit("ada", other)
    pbs.fail("qsub", err=err, code=1)
    with pytest.raises(SchedulerError):
        await scheduler.submit("ada", a_submission())
    assert await scheduler.find("ada", lost.tag) == job_id
    assert await scheduler.find("ben", lost.tag) is None
    assert await scheduler.find("ada", lost.tag + "0") is None
    pbs.fail("qselect", err=DOWN, code=1)
    with pytest.raises(SchedulerError):
        await scheduler.find("ada", lost.tag)


@pytest.mark.parametrize("out", ["", "welcome to the cluster\n", "101\n", "101.pbs01\n102.pbs01\n"])
async def test_an_answer_that_is_no_jobs_id_leaves_it_unknown(
    scheduler: PbsScheduler, pbs: FakePbs, out: str
) -> None:
    pbs.fail("qsub", out)
    with pytest.raises(SchedulerError, match="no job's id"):
        await scheduler.submit("ada", a_submission())


MISHAPS: dict[str, dict[str, Any]] = {
    "server down": {"err": DOWN, "code": 111},
    "garbage": {"out": '{"pbs_server": "pbs01", "Jobs": {"101.pbs01": {"job_state": F}}}'},
    "cut off": {"out": '{"pbs_server": "pbs01", "Jobs": {'},
    "nothing": {"out": ""},
    "hangs": {"hangs": True},
}


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
async def test_a_bad_answer_leaves_everything_as_it_was(
    scheduler: PbsScheduler, pbs: FakePbs, monkeypatch: pytest.MonkeyPatch, mishap: dict[str, Any]
) -> None:
    watcher = Watcher(scheduler)
    job_id = await scheduler.submit("ada", a_submission())
    pbs.change(job_id, job_state="R", exec_host="n1/0*2")
    await watcher.ask()
    pbs.fail("qstat", **mishap)
    monkeypatch.setattr(commands, "QUERY_SECONDS", 0.5 if mishap.get("hangs") else commands.QUERY_SECONDS)
    for _ in range(3):
        await watcher.ask()
    assert watcher.problem is not None
    status = watcher.status(job_id, since=0.0)
    assert status is not None
    assert status.state is JobState.RUNNING


async def test_a_job_that_is_gone_already_counts_as_cancelled(scheduler: PbsScheduler, pbs: FakePbs) -> None:
    job_id = await scheduler.submit("ada", a_submission())
    await scheduler.cancel("ada", job_id)
    assert pbs.job(job_id)["job_state"] == "F"
    await scheduler.cancel("ada", job_id)
    pbs.forget(job_id)
    await scheduler.cancel("ada", job_id)
    assert [call["argv"] for call in pbs.calls("qdel")] == [[job_id]] * 3
    pbs.fail("qdel", err=DOWN, code=1)
    with pytest.raises(SchedulerError, match="qdel"):
        await scheduler.cancel("ada", job_id)


async def test_a_node_is_reached_by_its_moms_host_and_asked_for_once(
    scheduler: PbsScheduler, pbs: FakePbs
) -> None:
    pbs.fail("pbsnodes", err=DOWN, code=1)
    with pytest.raises(SchedulerError):
        await scheduler.address("n1")
    pbs.recover("pbsnodes")
    before = len(pbs.calls("pbsnodes"))
    assert [await scheduler.address("n1"), await scheduler.address("n1")] == ["n1.cluster.example"] * 2
    assert len(pbs.calls("pbsnodes")) == before + 1


async def test_a_server_starts_reports_is_adopted_and_stops(hub: SmallHub, pbs: FakePbs, homes: Path) -> None:
    hub.scheduler = PbsScheduler(hub.cluster.launcher)
    await hub.restart()
    # This test reports in the name of a node that isn't there.
    hub.cluster.reports_from = THIS_MACHINE
    spawner = hub.spawner()
    async with starting(spawner) as start:
        await until(has_job(spawner), "the job was submitted")
        pbs.change(spawner.job_id, job_state="R", exec_host="n1/0*2", stime=1893553445)
        ticket = homes / "ada" / ".hpcampus" / "spawns" / spawner.spawn_id / "ticket.json"
        secret = json.loads(await asyncio.to_thread(ticket.read_text))["secret"]
        assert (await hub.report(spawner.spawn_id, secret, {"port": 5000})).code == 200
        assert await start == "http://n1.cluster.example:5000"
    await hub.restart()
    adopting = hub.spawner()
    async with starting(adopting) as start:
        assert await start == "http://n1.cluster.example:5000"
    assert adopting.job_id == "101.pbs01"
    assert await adopting.poll() is None
    stopping = asyncio.create_task(adopting.stop())

    async def exits() -> bool:
        return bool(pbs.job("101.pbs01")["job_state"] == "E")

    await until(exits, "the job was deleted")
    assert not stopping.done()
    pbs.change("101.pbs01", job_state="F", Exit_status=271)
    await stopping
    assert len(pbs.calls("qsub")) == 1


def has_job(spawner: BatchSpawner) -> Callable[[], Awaitable[object]]:
    async def has() -> object:
        return spawner.job_id

    return has


async def test_a_hub_at_hunter_speaks_pbs(pbs: FakePbs, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    environments = {"hunter": {"PBS_CONF_FILE": "/etc/pbs-of-hunter.conf"}}
    settings = Settings(state=state, site_ids=("hunter",), environments=environments)
    cluster = open_clusters(settings)["hunter"]
    await asyncio.gather(cluster.scheduler.jobs(), cluster.scheduler.find("ada", "a:b"))
    for command in ("qstat", "qselect"):
        assert pbs.calls(command)[0]["environment"]["PBS_CONF_FILE"] == "/etc/pbs-of-hunter.conf"
    cluster.ledger.close()
