"""Attacks on what may be asked for, from the options to the command that a cluster's hub would run.

Every input is either refused with its field named, or ends as exactly the option that it says.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from bad_options import (
    DURATIONS,
    NUMBERS,
    PARTITIONS,
    SLUGS,
    TEMPLATES,
    TOO_MUCH_FOR_A_NAME,
    UNKNOWN,
    of,
)
from hpcampus_hub.settings import SITES
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.launching import Launcher, LauncherError
from hpcampus_spawner.matching import match
from hpcampus_spawner.options import Options, parse_options
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.scheduler import Submission
from hpcampus_spawner.script import job_script
from hpcampus_spawner.site import Partition, Site
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.ways import SharedAccount
from pydantic import ValidationError
from small_hub import SmallHub
from spawning import FakeSlurm, a_site, a_submission


def refusal(raw: object) -> str:
    with pytest.raises(Refused) as refused:
        parse_options(raw)
    return refused.value.sentence


@pytest.mark.parametrize("partition", [*PARTITIONS, *TOO_MUCH_FOR_A_NAME, *TEMPLATES], ids=ascii)
@pytest.mark.parametrize("field", ["partition", "gpu_type", "reservation"])
def test_what_the_scheduler_calls_something_is_one_plain_name(field: str, partition: str) -> None:
    assert field in refusal({"gpus": 1, field: partition})
    with pytest.raises(ValidationError):
        JobRequest.model_validate(
            {"partition": "p", "cpus": 1, "memory_mib": 1, "walltime_minutes": 1, field: partition}
        )
    with pytest.raises(ValidationError):
        Partition(name=partition)


@pytest.mark.parametrize("partition", PARTITIONS, ids=ascii)
async def test_the_launcher_refuses_it_too(
    launcher: Launcher, slurm_commands: FakeSlurm, partition: str
) -> None:
    with pytest.raises(LauncherError, match="refused sbatch: BadOrder"):
        await launcher.order(
            "ada",
            "sbatch",
            spawn_id="0" * 32,
            options=[f"--partition={partition}"],
            script="",
            ticket="",
        )
    assert slurm_commands.calls("sbatch") == 0


@pytest.mark.parametrize("field", sorted(Options.model_fields))
@pytest.mark.parametrize("value", ["a\0b", "\0", ["a\0"], "\ud800", {"a": "\0"}], ids=ascii)
def test_no_field_takes_a_nul(field: str, value: object) -> None:
    assert field in refusal(of(field, value))


@pytest.mark.parametrize("hours", DURATIONS, ids=ascii)
def test_no_duration_becomes_unlimited(hours: object) -> None:
    assert "hours" in refusal({"hours": hours})


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in NUMBERS.items() for value in values]
)
def test_numbers_are_whole_and_within_their_range(field: str, value: object) -> None:
    assert field in refusal({field: value})


@pytest.mark.parametrize("wish", [{"gpus": 99}, {"cpus": 5000}, {"memory_gib": 5000}, {"hours": 1000}])
def test_what_no_node_has_is_refused_with_the_range_that_is_possible(wish: dict[str, int]) -> None:
    options = parse_options(wish)
    with pytest.raises(Refused, match="possible"):
        match(options.needs, Site.load(SITES / "leonardo.yaml"), Allocation(account="a"))


@pytest.mark.parametrize("key", UNKNOWN)
@pytest.mark.parametrize("value", ["x", ["x"], {"x": 1}, None, ""], ids=repr)
def test_an_unknown_key_is_an_error_whatever_it_holds(key: str, value: object) -> None:
    assert f"Unknown option {key!r}" in refusal({key: value})
    assert f"Unknown option {key!r}" in refusal({"course": "gpu-numba", key: value})


def test_nothing_of_the_options_stands_in_the_script() -> None:
    site = a_site()
    scripts = {job_script(site, match(parse_options(raw).needs, site), "0" * 32) for raw in ({}, {"cpus": 8})}
    assert len(scripts) == 1


BODIES = [
    "[]",
    '"text"',
    "7",
    "true",
    "null",
    '{"cpus": ' + "[" * 50 + "]" * 50 + "}",
    '{"cpus": NaN}',
    '{"cpus": Infinity}',
    '{"cpus": 1e999}',
    '{"cpus": ' + "9" * 4000 + "}",
    '{"partition": "' + "a" * 10_000_000 + '"}',
    '{"' + "k" * 10_000_000 + '": 1}',
    '{"cpus": {"__jupyterhub_bytes__": true, "data": "!"}}',
    '{"__jupyterhub_bytes__": true, "data": "!"}',
    '{"course": [{"__jupyterhub_bytes__": true, "data": "!"}]}',
    '{"\\ud800": 1}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: str(body)[:40])
def test_a_body_that_makes_no_sense_gets_a_short_answer(body: str) -> None:
    assert len(refusal(json.loads(body))) < 400


def test_of_two_equal_keys_json_keeps_one_and_both_are_checked_alike() -> None:
    assert parse_options(json.loads('{"cpus": 2, "cpus": 4}')).cpus == 4
    assert "cpus" in refusal(json.loads('{"cpus": 2, "cpus": "many"}'))


@pytest.mark.parametrize("text", TEMPLATES)
@pytest.mark.parametrize("field", sorted(Options.model_fields))
def test_nothing_is_ever_evaluated(field: str, text: str) -> None:
    sentence = refusal(of(field, text))
    assert field in sentence
    assert "49" not in sentence
    assert "uid=" not in sentence


@pytest.mark.parametrize("slug", SLUGS, ids=ascii)
def test_courses_and_assignments_are_slugs(slug: str) -> None:
    assert "course" in refusal({"course": slug})
    assert "assignment" in refusal({"course": "gpu-numba", "assignment": slug})


HOSTILE = {
    "SBATCH_PARTITION": "vip",
    "SBATCH_ACCOUNT": "vip",
    "SBATCH_QOS": "vip",
    "SLURM_CONF": "/dev/null",
    "LD_LIBRARY_PATH": "/dev/null",
    "PYTHONPATH": "/dev/null",
    "PYTHONSTARTUP": "/dev/null",
    "BASH_ENV": "/dev/null",
    "ENV": "/dev/null",
}


async def test_the_hubs_environment_does_not_beat_the_options(
    homes: Path, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    launcher = Launcher(SharedAccount(homes))
    slurm_commands.answer("sbatch", "1\n")
    await SlurmScheduler(launcher).submit("ada", a_submission())
    assert not set(HOSTILE) & set(slurm_commands.environment("sbatch"))
    assert "--partition=cpu" in slurm_commands.argv("sbatch")


@pytest.mark.parametrize("where", ["/home/ben/x", "../../%j", "x"])
async def test_nobody_chooses_where_the_log_goes(
    launcher: Launcher, slurm_commands: FakeSlurm, homes: Path, where: str
) -> None:
    assert "Unknown option 'output'" in refusal({"output": where})
    slurm_commands.answer("sbatch", "1\n")
    submission: Submission = a_submission()
    await SlurmScheduler(launcher).submit("ada", submission)
    log = homes / "ada" / ".hpcampus" / "spawns" / submission.spawn_id / "job.log"
    assert [a for a in slurm_commands.argv("sbatch") if a.startswith("--output")] == [f"--output={log}"]


@pytest.mark.parametrize(
    "options",
    [{"cmd": ["sh"]}, {"partition": "a b"}, {"cpus": 0}, {"gpus": 1}, {"partition": "vip"}],
    ids=repr,
)
async def test_a_refused_start_submits_nothing(hub: SmallHub, options: dict[str, Any]) -> None:
    spawner = hub.spawner()
    with pytest.raises(Exception, match="reason=") as refused:
        spawner.apply_user_options(spawner, options)
    assert getattr(refused.value, "status_code", None) == 400
    assert hub.scheduler.submitted == []
    assert hub.ledger.all_live("small") == []
