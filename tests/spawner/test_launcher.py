"""The launcher as the hub runs it: a process that obeys a few checked orders and nothing else."""

import json
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fake_pbs import FakePbs
from hpcampus_spawner import ways
from hpcampus_spawner.accounts import FIRST_HUMAN_UID
from hpcampus_spawner.launcher import alive, allowed, allowed_by_pbs, birth
from hpcampus_spawner.launching import Launcher, LauncherError
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.ways import Root, SharedAccount
from hypothesis import given
from hypothesis import strategies as st
from spawning import SECRET, FakeSlurm, until


def command(home: Path, stdin: str, **environment: str) -> Any:
    """Run the launcher with that input and return what it answers."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "hpcampus_spawner.launcher"],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        env={"HOME": str(home), "PATH": os.environ["PATH"], **environment},
        timeout=30,
    )
    return json.loads(done.stdout)


def sbatch(**changes: Any) -> str:
    order = {
        "verb": "sbatch",
        "spawn_id": uuid4().hex,
        "options": ["--mem=1M"],
        "script": "",
        "ticket": SECRET,
    }
    return json.dumps({**order, **changes})


def qsub(*options: object) -> str:
    return sbatch(verb="qsub", options=list(options))


@pytest.mark.parametrize(
    "order",
    [
        "",
        "null",
        "[]",
        '"sbatch"',
        "{}",
        '{"verb": "exec"}',
        '{"verb": "__init__"}',
        '{"verb": ["sbatch"]}',
        '{"verb": "scancel", "job_id": "-u root"}',
        '{"verb": "scancel", "job_id": "1 2"}',
        '{"verb": "scancel", "job_id": "--user=ben"}',
        '{"verb": "scancel"}',
        '{"verb": "result", "spawn_id": "../../../etc"}',
        sbatch(verb="estimate", options=["--uid=root"]),
        sbatch(verb="estimate", options=["--wrap=id"]),
        sbatch(spawn_id="../" * 4),
        sbatch(spawn_id="A" * 32),
        sbatch(options=["--wrap=id"]),
        sbatch(options=["--uid=root"]),
        sbatch(options=["--output=/etc/passwd"]),
        sbatch(options=["--partition=a --qos=vip"]),
        sbatch(options=["--partition=a\n"]),
        sbatch(options=["--partition="]),
        sbatch(options=["--partition"]),
        sbatch(options=["/etc/passwd"]),
        sbatch(options=[["--mem=1M"]]),
        sbatch(options="--mem=1M"),
        sbatch(options=7),
        '{"verb": "qdel", "job_id": "7"}',
        '{"verb": "qdel", "job_id": "-Wforce"}',
        '{"verb": "qdel", "job_id": "-x 7.pbs01"}',
        '{"verb": "qdel", "job_id": "7.pbs01 8.pbs01"}',
        '{"verb": "qdel", "job_id": "7.pbs01@other"}',
        '{"verb": "qdel", "job_id": "7[].pbs01"}',
        qsub("-V"),
        qsub("-v A=b"),
        qsub("-u root"),
        qsub("-o /etc/passwd"),
        qsub("-q vip -A other"),
        qsub("-q  vip"),
        qsub("-q vip@elsewhere -I"),
        qsub("-W sandbox=PRIVATE"),
        qsub("-W group_list=a,depend=x"),
        qsub("-W block=true"),
        qsub("-l select=1:ncpus=1+1:ncpus=9"),
        qsub("-l select=2:ncpus=1"),
        qsub("-l walltime=01:00:00,place=excl"),
        qsub("-l place=scatter"),
        qsub("-l software=x"),
        qsub("-- /bin/sh"),
        qsub("-N a\nb"),
        qsub(["-N", "a"]),
        qsub(7),
    ],
)
def test_an_order_that_the_hub_would_not_send_is_refused(
    tmp_path: Path, slurm_commands: FakeSlurm, pbs: FakePbs, order: str
) -> None:
    answer = command(tmp_path, order)
    assert set(answer) == {"refused"}
    assert SECRET not in answer["refused"]
    assert not any(slurm_commands.calls(name) for name in slurm_commands.COMMANDS)
    assert not any(pbs.calls(name) for name in pbs.COMMANDS)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_an_option_is_one_word_of_plain_characters(value: str) -> None:
    if allowed(f"--partition={value}"):
        assert value.isascii()
        assert not set(value) & set(" \t\r\n\0'\"\\`$;&|<>(){}[]*?!~#=,")
        assert not value.startswith("-")


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_an_option_of_pbs_is_a_flag_and_one_word_of_plain_characters(value: str) -> None:
    for flag in ("-N ", "-q ", "-A ", "-W group_list="):
        if allowed_by_pbs(f"{flag}{value}"):
            assert value.isascii()
            assert not set(value) & set(" \t\r\n\0'\"\\`$;&|<>(){}[]*?!~#=,:")
            assert not value.startswith("-")


def test_only_the_learner_can_read_what_the_launcher_writes(
    tmp_path: Path, slurm_commands: FakeSlurm
) -> None:
    slurm_commands.answer("sbatch", "1\n")
    spawn_id = uuid4().hex
    assert command(tmp_path, sbatch(spawn_id=spawn_id))["code"] == 0
    ticket = tmp_path / ".hpcampus" / "spawns" / spawn_id / "ticket.json"
    assert ticket.read_text() == SECRET
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (ticket, *list(ticket.parents)[:3])}
    assert modes == {"ticket.json": 0o600, spawn_id: 0o700, "spawns": 0o700, ".hpcampus": 0o700}


def test_a_spawn_is_submitted_once(tmp_path: Path, slurm_commands: FakeSlurm) -> None:
    order = sbatch()
    assert command(tmp_path, order)["code"] == 0
    assert "refused" in command(tmp_path, order)
    assert slurm_commands.calls("sbatch") == 1


def test_slurms_commands_inherit_nothing_that_overrides_options(
    tmp_path: Path, slurm_commands: FakeSlurm
) -> None:
    hostile = {
        "SBATCH_PARTITION": "vip",
        "SBATCH_ACCOUNT": "other",
        "SLURM_CLUSTERS": "other",
        "SALLOC_QOS": "vip",
        "PBS_DEFAULT": "other",
        "PBS_O_QUEUE": "vip",
        "LD_PRELOAD": "",
        "PYTHONPATH": str(tmp_path),
        "BASH_ENV": str(tmp_path / "owned.sh"),
        "JUPYTERHUB_API_TOKEN": SECRET,
    }
    command(tmp_path, sbatch(), **hostile)
    assert not set(slurm_commands.environment("sbatch")) & set(hostile)


async def test_the_hub_passes_on_nothing_of_its_own_environment(
    launcher: Launcher, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SBATCH_PARTITION", "SLURM_CONF", "LD_LIBRARY_PATH", "PYTHONPATH", "CONFIGPROXY_AUTH_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    await launcher.order("ada", "scancel", job_id="7")
    environment = slurm_commands.environment("scancel")
    ours = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ"}
    assert set(environment) <= {*ours, "PWD", "SHLVL", "_", "LC_CTYPE"}
    assert environment["USER"] == "ada"
    assert SECRET not in environment.values()


async def test_a_job_gets_the_learners_name_and_home_and_no_settings_of_the_hubs_machine(
    launcher: Launcher, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    await launcher.order("ada", **json.loads(sbatch()))
    environment = slurm_commands.environment("sbatch")
    assert environment["USER"] == "ada"
    assert environment["PATH"] == os.defpath
    assert "TZ" not in environment


async def test_a_refused_order_is_an_error_for_the_operator(launcher: Launcher) -> None:
    with pytest.raises(LauncherError, match="refused scancel: BadOrder: not a job id"):
        await launcher.order("ada", "scancel", job_id="all")


async def test_an_account_that_was_removed_is_an_error_for_the_operator(launcher: Launcher) -> None:
    with pytest.raises(LauncherError, match="can't be a Unix account"):
        await launcher.order("Nobody There", "scancel", job_id="7")


async def test_an_order_has_a_time_limit(
    launcher: Launcher, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "ORDER_SECONDS", 0.5)
    slurm_commands.answer("scancel", hangs=True)
    with pytest.raises(LauncherError, match=r"asked for scancel: .* no answer within 0\.5 s"):
        await launcher.order("ada", "scancel", job_id="7")
    (pid,) = slurm_commands.pids("scancel")

    async def ended() -> bool:
        return birth(pid) is None

    await until(ended, "the command that hangs has ended")


@pytest.mark.parametrize(
    "name", ["", "-u", "a b", "a/../b", "Admin", "ada\n", "a;id", "$(id)", "ада", "a" * 33]
)
def test_a_name_that_is_no_account_is_refused(launcher: Launcher, homes: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        launcher.check(name)
    assert refused.value.reason == "account-name"
    assert not homes.exists()


def test_system_accounts_run_no_notebooks() -> None:
    real = Launcher(Root())
    system = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid < FIRST_HUMAN_UID]
    for name in ("root", *system):
        with pytest.raises(Refused):
            real.check(name)
    with pytest.raises(Refused) as refused:
        real.check("nobody-of-that-name")
    assert refused.value.reason == "no-account"


async def test_homes_of_a_shared_account_are_private(homes: Path) -> None:
    await SharedAccount(homes).hand_over("ada", b"{}")
    assert stat.S_IMODE((homes / "ada").stat().st_mode) == 0o700


@pytest.mark.root
def test_no_rule_of_sudo_makes_a_system_account_a_learner(tmp_path: Path) -> None:
    answer = command(tmp_path, '{"verb": "scancel", "job_id": "7"}', SUDO_UID="1000")
    assert "system accounts" in answer["refused"]


def test_a_process_is_known_by_its_pid_and_its_birth() -> None:
    me = birth(os.getpid())
    assert alive(os.getpid(), me)
    assert not alive(os.getpid(), "1")
    assert not alive(os.getpid(), None)
    assert not alive(2**22 + 1, None)


def test_a_zombie_has_ended() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        born = birth(process.pid)
        assert alive(process.pid, born)
        process.kill()
        # Looked at before anybody collects it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert not alive(process.pid, born)
