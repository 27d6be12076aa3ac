"""The door of a login node: what a hub that comes through SSH may do there, and nothing else.

It is the forced command of the hub's key, in a service account that has the rule of sudo. The first line
of stdin says what the rest is: `as NAME`, an order for the launcher, or `ask`, one question to the scheduler
as a JSON list of words. Standard library only: every order and every question starts it anew.
"""

import json
import os
import re
import signal
import sys

from hpcampus_spawner import accounts
from hpcampus_spawner.refusal import Refused

LONGEST_LINE = 64
LONGEST_QUESTION = 4096
QUESTION_SECONDS = 30
REFUSED = 77
"""The exit code of a question that isn't allowed (sysexits.h: permission denied)."""

# What a question may hold, by program: options, all of which only read, and plain words that are no paths.
_OPTIONS = {
    "squeue": "-h -a -r -t -u -j -p -o -O --start",
    "sinfo": "-h -a -N -e -r -s -p -n -o -O",
    "scontrol": "-o -d -a",
    "sacct": "-n -X -P -j -u -S -E -o",
    "sdiag": "",
    "qstat": "-f -F -x -t -Q -B",
    "qselect": "-u -N",
    "pbsnodes": "-a -v -F -S -j",
}
_SHOWN = ("node", "nodes", "job", "jobs", "partition", "partitions", "reservation", "reservations", "config")
_WORD = re.compile(r"[A-Za-z0-9%][A-Za-z0-9%|,.:_@+ \[\]-]{0,500}", re.ASCII)
# What the commands inherit; the operator's line in authorized_keys may set the first three.
_INHERITED = ("PATH", "SLURM_CONF", "PBS_CONF_FILE", "HOME", "USER", "LOGNAME")


def allowed(argv: object) -> bool:
    """Whether a hub may ask the scheduler that."""
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return False
    program, *words = argv
    if program not in _OPTIONS:
        return False
    options = _OPTIONS[program].split()
    plain = [word for word in words if word not in options]
    if program == "scontrol" and (plain[:1] != ["show"] or plain[1:2] == [] or plain[1] not in _SHOWN):
        return False
    return all(_WORD.fullmatch(word) for word in plain)


def main(group: str) -> int:
    """Let one order or one question through; learners are the members of that Unix group."""
    line = _line()
    try:
        if line == "ask":
            _ask()
        name = line.removeprefix("as ")
        if name == line:
            raise Refused("door", "The hub said neither who nor what.")
        accounts.learner(name, group)
    except Refused as refused:
        json.dump({"not_allowed": refused.sentence}, sys.stdout)
        sys.stderr.write(refused.sentence)
        return REFUSED
    argv = accounts.sudo(name)
    # The same process and the same stdin: the order is read by the launcher alone.
    os.execvpe(argv[0], argv, _environment())  # noqa: S606 - no shell is what we want


def _ask() -> None:
    read = b""
    while len(read) <= LONGEST_QUESTION and (more := os.read(0, LONGEST_QUESTION)):
        read += more
    try:
        argv = json.loads(read)
    except ValueError:
        argv = None
    if not allowed(argv):
        raise Refused("question", "This is no question that a hub may ask.")
    # Kept across exec: a scheduler that hangs must not leave our processes on the login node.
    signal.alarm(QUESTION_SECONDS)
    try:
        environment = {**_environment(), "LANG": "C.UTF-8", "TZ": "UTC"}
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is what we want
    except OSError as error:
        raise Refused("question", f"{argv[0]}: {error}") from None


def _line() -> str:
    """The first line, read byte by byte: what follows is for somebody else."""
    read = b""
    while len(read) <= LONGEST_LINE and (byte := os.read(0, 1)) not in (b"", b"\n"):
        read += byte
    return read.decode("ascii", "replace")


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
