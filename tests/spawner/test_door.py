"""The door of a login node, as sshd starts it: one line that says who or what, and the rest."""

import json
import os
import subprocess
import sys

import pytest
from hpcampus_spawner import slurm_offers
from hpcampus_spawner.door import LONGEST_QUESTION, REFUSED, allowed
from hypothesis import given
from hypothesis import strategies as st
from spawning import FakeSlurm

FORMAT = "%i|%T|%P|%Q|%S|%e|%r|%N"


def door(stdin: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Knock at it; nobody is in that group."""
    return subprocess.run(
        [sys.executable, "-I", "-m", "hpcampus_spawner.door", "no-such-group"],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
        timeout=30,
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["squeue", "-h", "-a", "-t", "all", "-o", FORMAT],
        ["squeue", "-h", "-t", "all", "-u", "ada", "-o", "%i|%k"],
        ["scontrol", "show", "node", "-o", "n[1-4],gpu_7.x"],
        ["scontrol", "show", "job", "-o", "42"],
        ["scontrol", "show", "config"],
        list(slurm_offers.SINFO),
        list(slurm_offers.RESERVATIONS),
        ["qstat", "-Q", "-f", "-F", "json"],
        ["pbsnodes", "-a", "-F", "json"],
        ["sinfo", "-h", "-N", "-o", "%N %T"],
        ["sacct", "-n", "-P", "-j", "42", "-o", "JobID,State"],
        ["qstat", "-f", "-F", "json"],
        ["qstat", "-x", "-f", "-F", "json", "42.pbs-1.example"],
        ["qselect", "-u", "ada", "-N", "hpcampus.ab12.0123"],
        ["pbsnodes", "-F", "json", "n1"],
    ],
)
def test_questions_that_only_read_are_allowed(argv: list[str]) -> None:
    assert allowed(argv)


@pytest.mark.parametrize(
    "argv",
    [
        None,
        [],
        "squeue",
        [["squeue"]],
        ["squeue", 7],
        ["/usr/bin/squeue"],
        ["../squeue"],
        ["sh", "-c", "id"],
        ["sbatch"],
        ["scancel", "1"],
        ["scontrol"],
        ["scontrol", "show"],
        ["scontrol", "update", "job", "1"],
        ["scontrol", "show", "hostlist", "/etc/passwd"],
        ["scontrol", "-o", "show", "hostlist", "x"],
        ["scontrol", "write", "batch_script", "1", "-"],
        ["scontrol", "show", "job", "1", "--uid=root"],
        ["squeue", "-i", "1"],
        ["squeue", "--format=%i"],
        ["squeue", "-o/etc/passwd"],
        ["sacct", "-f", "/etc/passwd"],
        ["sinfo", "-o", "%N\n%T"],
        ["sinfo", "-o", "$(id)"],
        ["sacctmgr", "delete", "user", "ada"],
    ],
)
def test_every_other_question_is_refused(argv: object, slurm_commands: FakeSlurm) -> None:
    assert not allowed(argv)
    done = door(f"ask\n{json.dumps(argv)}")
    assert (done.returncode, set(json.loads(done.stdout))) == (REFUSED, {"not_allowed"})
    assert not any(slurm_commands.calls(name) for name in slurm_commands.COMMANDS)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=20), max_size=4))
def test_no_word_of_a_question_is_a_path_or_an_unknown_option(words: list[str]) -> None:
    if allowed(["squeue", *words]):
        assert all(word.isascii() and "/" not in word and "=" not in word for word in words)
        assert all(len(word) == 2 or word == "--start" for word in words if word.startswith("-"))


def test_a_question_is_answered_as_the_command_answers_it(slurm_commands: FakeSlurm) -> None:
    slurm_commands.answer("squeue", "1|RUNNING\n", err="slow today\n", code=3)
    hostile = {"SLURM_CLUSTERS": "other", "SQUEUE_FORMAT": "%k", "LD_PRELOAD": "", "TZ": "Asia/Tokyo"}
    done = door('ask\n["squeue", "-h"]', SLURM_CONF="/etc/twin/slurm.conf", **hostile)
    assert (done.returncode, done.stdout, done.stderr) == (3, "1|RUNNING\n", "slow today\n")
    seen = slurm_commands.environment("squeue")
    assert (seen["TZ"], seen["SLURM_CONF"]) == ("UTC", "/etc/twin/slurm.conf")
    assert not set(seen) & {"SLURM_CLUSTERS", "SQUEUE_FORMAT", "LD_PRELOAD"}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\n",
        "as",
        "as \n{}",
        "as root\n{}",
        "as -u\n{}",
        "as ada;id\n{}",
        "as Ada\n{}",
        "as nobody-of-that-name\n{}",
        f"as {'a' * 5000}\n{{}}",
        "ask",
        "ask\nnull",
        "ask\nsqueue",
        f'ask\n["squeue", "-u", "{"a" * LONGEST_QUESTION}"]',
        "exec id\n",
    ],
)
def test_what_a_hub_would_not_say_is_refused(said: str) -> None:
    done = door(said)
    assert (done.returncode, set(json.loads(done.stdout))) == (REFUSED, {"not_allowed"})
