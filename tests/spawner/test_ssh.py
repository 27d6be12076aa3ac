"""The hub's side of a login node, with an ssh that answers as the test says."""

import json
from pathlib import Path

import pytest
from hpcampus_spawner.launching import Launcher, LauncherError, NotAllowed
from hpcampus_spawner.models import BadFile
from hpcampus_spawner.network import Tunnel
from hpcampus_spawner.scheduler import SchedulerError, SubmissionRefused
from hpcampus_spawner.slurm import SlurmScheduler
from hpcampus_spawner.ssh import Connection, Ssh, SshCommands
from pydantic import ValidationError
from spawner_fixtures import a_login_node
from spawning import FakeSlurm, a_submission


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "-oProxyCommand=id"),
        ("host", "login1 -A"),
        ("host", "a\nProxyCommand id"),
        ("host", ""),
        ("user", "root;id"),
        ("user", "-l"),
        ("key", "relative"),
        ("key", '/a"\nProxyCommand id'),
        ("known_hosts", "/a b"),
        ("hub_url", "javascript:alert(1)"),
        ("hub_url", "http://a/b"),
        ("listen", "8123"),
        ("listen", "a:b"),
        ("password", "secret"),
        ("port", 0),
    ],
)
def test_a_word_that_ssh_could_misread_is_refused(keys: dict[str, str], field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        a_login_node(keys, **{field: value})


@pytest.mark.parametrize(("name", "mode"), [("key", 0o440), ("key", 0o604), ("known_hosts", 0o666)])
def test_a_key_that_others_can_use_is_not_used(
    keys: dict[str, str], tmp_path: Path, name: str, mode: int
) -> None:
    Path(keys[name]).chmod(mode)
    with pytest.raises(BadFile, match=name):
        Connection(a_login_node(keys), tmp_path / "state", "127.0.0.1:8000")


async def test_an_order_goes_through_stdin_and_nothing_of_it_into_the_command_line(
    connection: Connection, ssh: FakeSlurm
) -> None:
    ssh.answer("ssh", '{"code": 0, "out": "42", "err": ""}')
    scheduler = SlurmScheduler(Launcher(Ssh(connection)), SshCommands(connection))
    submission = a_submission()
    assert await scheduler.submit("ada", submission) == "42"
    line, _, order = ssh.stdin("ssh").partition("\n")
    assert line == "as ada"
    assert json.loads(order)["ticket"] == submission.ticket
    argv = ssh.argv("ssh")
    assert (argv[:2], argv[-1]) == (["-T", "-F"], "campus")
    assert len(argv) == 4
    assert set(ssh.environment("ssh")) <= {"PATH", "LANG", "PWD", "SHLVL", "_"}


@pytest.mark.parametrize("code", [255, 1])
async def test_an_ssh_that_fails_leaves_the_truth_unknown(
    connection: Connection, ssh: FakeSlurm, code: int
) -> None:
    ssh.answer("ssh", err="ssh: connect to host login1.example: No route to host", code=code)
    scheduler = SlurmScheduler(Launcher(Ssh(connection)), SshCommands(connection))
    for question in (scheduler.jobs(), scheduler.find("ada", "tag"), scheduler.cancel("ada", "7")):
        with pytest.raises(SchedulerError):
            await question
    with pytest.raises(SchedulerError):
        await scheduler.submit("ada", a_submission())
    with pytest.raises(SchedulerError):
        await Tunnel(connection, "http://hub").way_to("n1", 8888)


async def test_a_failure_of_ssh_is_not_taken_for_the_commands_own(
    connection: Connection, ssh: FakeSlurm
) -> None:
    ssh.answer("ssh", '{"code": 0, "out": "42"}', err="Connection reset by peer", code=255)
    with pytest.raises(SchedulerError, match=r"login1\.example: Connection reset"):
        await SshCommands(connection).run("squeue", "-h")
    with pytest.raises(LauncherError, match="Connection reset"):
        await Launcher(Ssh(connection)).order("ada", "scancel", job_id="7")


async def test_who_may_not_go_there_is_told_what_the_door_says(
    connection: Connection, ssh: FakeSlurm
) -> None:
    ssh.answer("ssh", json.dumps({"not_allowed": "There is no Unix account ada on this cluster yet."}))
    launcher = Launcher(Ssh(connection))
    with pytest.raises(NotAllowed):
        await launcher.order("ada", "scancel", job_id="7")
    with pytest.raises(SubmissionRefused, match="no Unix account ada"):
        await SlurmScheduler(launcher, SshCommands(connection)).submit("ada", a_submission())


async def test_a_name_that_is_no_account_never_leaves_the_hub(connection: Connection, ssh: FakeSlurm) -> None:
    with pytest.raises(LauncherError, match="can't be a Unix account"):
        await Launcher(Ssh(connection)).order("ada\nask", "scancel", job_id="7")
    assert ssh.calls("ssh") == 0


def test_the_configuration_trusts_nothing_but_what_the_operators_gave(
    connection: Connection, tmp_path: Path, keys: dict[str, str]
) -> None:
    text = (tmp_path / "state" / "config").read_text()
    for line in (
        "StrictHostKeyChecking yes",
        "BatchMode yes",
        "IdentitiesOnly yes",
        "ForwardAgent no",
        "PermitLocalCommand no",
        f'UserKnownHostsFile "{keys["known_hosts"]}"',
    ):
        assert f"    {line}\n" in text
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_path_too_long_for_a_socket_is_said_at_the_start(keys: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="too long a path"):
        Connection(a_login_node(keys), tmp_path / ("x" * 100), "127.0.0.1:8000")
