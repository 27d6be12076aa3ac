"""How operators say in `campus.yaml` how a site is reached, and the rule of sudo that they install."""

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hpcampus_hub.deployment import Deployment
from hpcampus_hub.hub_command import hub
from hpcampus_hub.sudoers_command import rule, sudoers
from hpcampus_spawner.models import BadFile

SSH = "{host: login1, user: campus, key: /k, known_hosts: /h, hub_url: 'https://campus.example'}"


def load(tmp_path: Path, reach: str) -> Deployment:
    file = tmp_path / "campus.yaml"
    file.write_text(f"researchers: people\nreach: {{leonardo: {reach}}}\n")
    return Deployment.load(file)


def test_a_site_is_reached_by_sudo_or_by_ssh(tmp_path: Path) -> None:
    by_sudo = load(tmp_path, "{sudo: {group: campus-learners}}").reach["leonardo"]
    assert by_sudo.sudo is not None
    assert by_sudo.sudo.group == "campus-learners"
    by_ssh = load(tmp_path, f"{{ssh: {SSH}}}").reach["leonardo"]
    assert by_ssh.ssh is not None
    assert (by_ssh.ssh.host, by_ssh.ssh.port, by_ssh.ssh.listen) == ("login1", 22, None)


@pytest.mark.parametrize(
    "reach",
    ["{}", f"{{sudo: {{group: a}}, ssh: {SSH}}}", "{sudo: {group: 'a b'}}", "{sudo: {group: a, user: b}}"],
)
def test_what_is_neither_or_both_is_an_error(tmp_path: Path, reach: str) -> None:
    with pytest.raises(BadFile, match=r"reach\.leonardo"):
        load(tmp_path, reach)


LISTENING = SSH.replace("}", ", listen: '0.0.0.0:8123'}")


@pytest.mark.parametrize(
    ("reach", "origins"),
    [
        ("{sudo: {group: a}}", []),
        (
            "{sudo: {group: a}, reports_from: [10.1.0.0/16, '2001:db8::/64']}",
            ["10.1.0.0/16", "2001:db8::/64"],
        ),
        (f"{{ssh: {SSH}}}", []),
        (f"{{ssh: {LISTENING}, reports_from: [192.0.2.7]}}", ["192.0.2.7/32", "127.0.0.0/8", "::1/128"]),
    ],
)
def test_reports_come_from_the_nodes_unless_operators_say_otherwise(
    tmp_path: Path, reach: str, origins: list[str]
) -> None:
    """What comes back through the hub's own connection has this machine's address."""
    assert list(map(str, load(tmp_path, reach).reach["leonardo"].origins)) == origins


@pytest.mark.parametrize("network", ["10.1.0.1/16", "any", "''", "10.0.0.0/33"])
def test_a_network_must_be_one(tmp_path: Path, network: str) -> None:
    with pytest.raises(BadFile, match=r"reach\.leonardo\.reports_from"):
        load(tmp_path, f"{{sudo: {{group: a}}, reports_from: [{network}]}}")


@pytest.mark.sudo
@pytest.mark.parametrize("environment", ["", "/etc/hpcampus/slurm"])
def test_the_rule_is_one_that_sudo_understands(tmp_path: Path, environment: str) -> None:
    printed = CliRunner().invoke(sudoers, ["--environment", environment])
    assert printed.exit_code == 0, printed.output
    file = tmp_path / "hpcampus"
    file.write_text(printed.output)
    done = subprocess.run(["visudo", "-c", "-s", "-f", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_the_rule_names_every_word_of_one_command() -> None:
    text = rule("campus", "learners", python="/opt/hpcampus/bin/python")
    assert "= /opt/hpcampus/bin/python -I -m hpcampus_spawner.launcher\n" in text
    assert text.splitlines()[-1] == "campus ALL = (%learners, !root) NOPASSWD: HPCAMPUS_LAUNCHER"


@pytest.mark.parametrize("word", ["a b", "a,b", "ALL\nroot", "(root)", "*", "!x", "a\\", ""])
def test_a_word_that_sudo_could_misread_is_refused(word: str) -> None:
    with pytest.raises(click.BadParameter):
        rule(word, "learners")
    with pytest.raises(click.BadParameter):
        rule("campus", word)
    with pytest.raises(click.BadParameter):
        rule("campus", "learners", python=word)


@pytest.mark.root
def test_the_service_does_not_start_as_root(tmp_path: Path) -> None:
    done = CliRunner().invoke(hub, ["--site", "local", "--state", str(tmp_path / "state")])
    assert done.exit_code == 1
    assert "an account of its own" in done.output
    assert not (tmp_path / "state").exists()
