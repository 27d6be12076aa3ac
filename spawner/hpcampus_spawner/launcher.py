"""Runs on the hub's machine as the learner: reads one order as JSON on stdin, answers in JSON on stdout.

It is the only thing that the hub may run as somebody else, so it trusts nothing: the verbs are fixed, every
command is an argv list made here, and options and names are checked against what they may be. Standard
library only: it starts often and must start fast.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpcampus_spawner.accounts import FIRST_HUMAN_UID
from hpcampus_spawner.folders import EXIT, LOG, PROCESS, TICKET, forget_old, spawn_folder, write_private
from hpcampus_spawner.timing import SIGNAL_SECONDS

LOG_TAIL = 4096
SUBMIT_SECONDS = 60
ESTIMATE_SECONDS = 10
RECORD_SECONDS = 10
_OPTION = re.compile(
    r"--(account|partition|qos|reservation|constraint|comment|job-name|cpus-per-task|mem|gres|gpus|gpus-per-node"
    r"|time)=[A-Za-z0-9][A-Za-z0-9_.:/@-]*|--exclusive"
)
_NAME = "[A-Za-z0-9][A-Za-z0-9_.@-]*"
_QSUB_OPTION = re.compile(
    rf"-(N|q|A) {_NAME}|-W group_list={_NAME}|-l select=1(:[a-z][A-Za-z0-9_]*={_NAME})+"
    r"|-l walltime=[0-9]{1,6}:[0-9]{2}:[0-9]{2}|-l place=excl"
)
_JOB_ID = re.compile(r"[0-9]{1,12}")
_PBS_JOB_ID = re.compile(r"[0-9]{1,12}\.[A-Za-z0-9.-]{1,51}")
# What a scheduler's command may inherit. SBATCH_*, SLURM_* and PBS_* variables would override the options.
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "SLURM_CONF", "PBS_CONF_FILE")
_FIXED_OPTIONS = (
    "--parsable",
    "--no-requeue",
    # All of `_job_environment`, which is nearly nothing. With any other word some versions of Slurm run a
    # login shell before the job's own, and what is submitted from the notebook loses its environment.
    "--export=ALL",
    "--open-mode=append",
    "--nodes=1",
    "--ntasks=1",
    # B: the batch script alone, which is the wrapper by then, and not what a learner runs as a step.
    f"--signal=B:USR1@{SIGNAL_SECONDS}",
)
# In the foreground; never run twice, no mail, both outputs in one file, which only the learner can read.
_FIXED_QSUB_OPTIONS = ("-f", "-r", "n", "-m", "n", "-j", "oe", "-W", "umask=077", "-S", "/bin/bash")

Order = dict[str, Any]


class BadOrder(Exception):
    """The order isn't one that the hub would send."""


def sbatch(order: Order) -> Order:
    """Submit to Slurm: `options` are checked one by one, the script goes through stdin."""
    options = _options(order)
    folder = _prepare(order)
    log = f"--output={folder / LOG}"
    argv = ["sbatch", *_FIXED_OPTIONS, *options, log, f"--chdir={Path.home()}"]
    return _run(argv, SUBMIT_SECONDS, str(order["script"]), _job_environment())


def estimate(order: Order) -> Order:
    """Ask Slurm when such a job would start, without submitting one."""
    argv = ["sbatch", "--test-only", *_FIXED_OPTIONS, *_options(order)]
    return _run(argv, ESTIMATE_SECONDS, "#!/bin/sh\n")


def scancel(order: Order) -> Order:
    """Cancel one of the learner's own jobs."""
    job_id = str(order["job_id"])
    if not _JOB_ID.fullmatch(job_id):
        raise BadOrder("not a job id")
    return _run(["scancel", job_id], 30)


def qsub(order: Order) -> Order:
    """Submit to PBS: `options` are checked one by one, the script goes through stdin."""
    options = list(order["options"])
    if not all(allowed_by_pbs(option) for option in options):
        raise BadOrder("an option isn't one of those a notebook job may have")
    folder = _prepare(order)
    words = [word for option in options for word in option.split(" ")]
    argv = ["qsub", *_FIXED_QSUB_OPTIONS, *words, "-o", str(folder / LOG)]
    return _run(argv, SUBMIT_SECONDS, str(order["script"]))


def qdel(order: Order) -> Order:
    """Delete one of the learner's own jobs from PBS."""
    job_id = str(order["job_id"])
    if not _PBS_JOB_ID.fullmatch(job_id):
        raise BadOrder("not a job id")
    return _run(["qdel", job_id], 30)


def start(order: Order) -> Order:
    """Run the job here, as a process of its own that outlives the hub."""
    try:
        folder = _prepare(order)
    except FileExistsError:
        # A hub that died before it heard our answer asks again: the job must not start twice.
        return {"process": _recorded(spawn_folder(str(order["spawn_id"])))}
    script = folder / "job.sh"
    write_private(script, str(order["script"]))
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-m",
                "hpcampus_spawner.local_job",
                str(order["spawn_id"]),
                str(int(order["seconds"])),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
    record = {"pid": process.pid, "born": birth(process.pid)}
    write_private(folder / PROCESS, json.dumps(record))
    return {"process": record}


def stop(order: Order) -> Order:
    """Ask a local job to end; it ends its own processes."""
    with contextlib.suppress(OSError, ValueError, ProcessLookupError):
        record = json.loads((spawn_folder(str(order["spawn_id"])) / PROCESS).read_text())
        if alive(int(record["pid"]), record["born"]):
            os.kill(int(record["pid"]), signal.SIGTERM)
    return {}


def result(order: Order) -> Order:
    """How a job ended: the exit code that a local job wrote, and the end of its log."""
    folder = spawn_folder(str(order["spawn_id"]))
    answer: Order = {"exit_code": None, "log": ""}
    with contextlib.suppress(OSError, ValueError):
        answer["exit_code"] = int((folder / EXIT).read_text())
    with contextlib.suppress(OSError), (folder / LOG).open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - LOG_TAIL))
        answer["log"] = log.read().decode("utf-8", "replace")
    return answer


VERBS: dict[str, Callable[[Order], Order]] = {
    "sbatch": sbatch,
    "estimate": estimate,
    "scancel": scancel,
    "qsub": qsub,
    "qdel": qdel,
    "start": start,
    "stop": stop,
    "result": result,
}


def _options(order: Order) -> list[str]:
    options = list(order["options"])
    if not all(allowed(option) for option in options):
        raise BadOrder("an option isn't one of those a notebook job may have")
    return options


def allowed(option: object) -> bool:
    """Whether a notebook job may have that option of sbatch."""
    return isinstance(option, str) and _OPTION.fullmatch(option) is not None


def allowed_by_pbs(option: object) -> bool:
    """Whether a notebook job may have that option of qsub: a flag and its value, with a space between."""
    return isinstance(option, str) and _QSUB_OPTION.fullmatch(option) is not None


def birth(pid: int) -> str | None:
    """When that process started, in clock ticks since boot; None when there is none.

    With the PID it names a process for good: a PID alone is used again. (proc(5), fields 3 and 22 of stat)
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # A zombie has ended; not every machine's first process collects them.
    return None if state in ("X", "Z") else fields[18]


def alive(pid: int, born: str | None) -> bool:
    """Whether the process that was born then still runs."""
    return born is not None and birth(pid) == born


def _prepare(order: Order) -> Path:
    """Make the private folder of the spawn and put the ticket into it; tidy up what earlier ones left."""
    folder = spawn_folder(str(order["spawn_id"]))
    folder.mkdir(mode=0o700, parents=True)
    forget_old({folder.name, *order.get("wanted", ())})
    write_private(folder / TICKET, str(order["ticket"]))
    return folder


def _recorded(folder: Path) -> Any:
    """The process that an order before this one started; it may be writing its record just now."""
    deadline = time.monotonic() + RECORD_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((folder / PROCESS).read_text())
        time.sleep(0.05)
    raise BadOrder("this job was started before, and nothing is known of it")


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _job_environment() -> dict[str, str]:
    """What sbatch hands on to the job; the login shell there makes the rest, in the node's own time zone."""
    return {**_environment(), "PATH": os.defpath}


def _program(name: str) -> str:
    """Where it is, by our own PATH, which may differ from that of the command's environment."""
    for folder in os.get_exec_path():
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    raise FileNotFoundError(name)


def _run(argv: list[str], seconds: int, stdin: str = "", environment: dict[str, str] | None = None) -> Order:
    """Run a command; by default in UTC, so that the hub can read what it prints wherever it runs."""
    try:
        done = subprocess.run(
            argv,
            executable=_program(argv[0]),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=environment or {**_environment(), "TZ": "UTC"},
        )
    except subprocess.TimeoutExpired:
        return {"timeout": True}
    except FileNotFoundError:
        return {"code": 127, "out": "", "err": f"{argv[0]}: not found"}
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr[-2000:]}


def main() -> int:
    """Carry out one order."""
    os.umask(0o077)
    try:
        if "SUDO_UID" in os.environ and os.geteuid() < FIRST_HUMAN_UID:
            raise BadOrder("system accounts run no notebooks, whatever a rule of sudo says")
        order = json.load(sys.stdin)
        answer = VERBS[order["verb"]](order)
    except (BadOrder, KeyError, TypeError, ValueError, OSError) as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
