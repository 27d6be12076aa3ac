#!/usr/bin/env -S python3 -IS
"""Stands in for the command of PBS Pro whose name it bears, after PBS's manuals and with its words.

Its cluster is one file beside it: what it accepts, and its jobs, which the test moves on. A file that is
named after a command makes that command fail, hang or answer what the test wants.
"""

import fcntl
import getopt
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

Facts = dict[str, Any]

HERE, COMMAND = Path(sys.argv[0]).parent, Path(sys.argv[0]).name
CLUSTER = HERE / "cluster.json"
VERSION = {"timestamp": 1893553445, "pbs_version": "2022.1.1", "pbs_server": "pbs01"}


class Refusal(Exception):
    """What PBS says, and the last byte of its error's number."""


def main() -> int:
    arguments, given = sys.argv[1:], sys.stdin.read()
    call = {"command": COMMAND, "argv": arguments, "stdin": given, "environment": dict(os.environ)}
    with (HERE / "calls").open("a") as calls:
        calls.write(json.dumps(call) + "\n")
    mishap = HERE / f"{COMMAND}.mishap"
    if mishap.exists():
        return happen(json.loads(mishap.read_text()))
    with (HERE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return carry_out(arguments)


def carry_out(arguments: list[str]) -> int:
    cluster = json.loads(CLUSTER.read_text())
    try:
        sys.stdout.write(COMMANDS[COMMAND](arguments, cluster) + "\n")
    except Refusal as refusal:
        sentence, code = refusal.args
        sys.stderr.write(f"{COMMAND}: {sentence}\n")
        return int(code)
    CLUSTER.write_text(json.dumps(cluster))
    return 0


def happen(mishap: Facts) -> int:
    sys.stdout.write(mishap["out"])
    sys.stderr.write(mishap["err"])
    sys.stdout.flush()
    if mishap["hangs"]:
        time.sleep(600)
    return int(mishap["code"])


def qsub(arguments: list[str], cluster: Facts) -> str:
    pairs, rest = getopt.getopt(arguments, "fr:m:j:W:S:N:q:l:A:o:")
    if rest:
        raise Refusal("script file:: No such file or directory", 1)
    options = dict(pairs)
    resources = dict(value.split("=", 1) for flag, value in pairs if flag == "-l")
    extra = dict(value.split("=", 1) for flag, value in pairs if flag == "-W")
    queue = options.get("-q", cluster["default_queue"])
    if queue not in cluster["queues"]:
        raise Refusal("Unknown queue", 170)
    hours, minutes, _ = resources["walltime"].split(":")
    if 60 * int(hours) + int(minutes) > cluster["queues"][queue]:
        raise Refusal("Job violates queue and/or server resource limits", 188)
    if cluster["account_required"] and not {"-A", "group_list"} & {*options, *extra}:
        raise Refusal("Job rejected: name the account that pays for it.", 1)
    cluster["last"] += 1
    job_id = f"{cluster['last']}.pbs01"
    cluster["jobs"][job_id] = {
        "Job_Name": options["-N"],
        "Job_Owner": f"{os.environ['USER']}@login01",
        "job_state": "Q",
        "queue": queue,
        "Rerunable": "True" if options.get("-r") != "n" else "False",
        "Resource_List": {"nodect": 1, **resources},
        "Variable_List": {"PBS_O_HOME": os.environ["HOME"], "PBS_O_QUEUE": queue},
        **({"Account_Name": options["-A"]} if "-A" in options else {}),
        **extra,
    }
    return job_id


def qdel(arguments: list[str], cluster: Facts) -> str:
    job = cluster["jobs"].get(arguments[0])
    if job is None:
        raise Refusal(f"Unknown Job Id {arguments[0]}", 153)
    if job["job_state"] == "F":
        raise Refusal(f"Job has finished {arguments[0]}", 35)
    job["job_state"] = "E" if job["job_state"] == "R" else "F"
    return ""


def qstat(arguments: list[str], cluster: Facts) -> str:
    pairs, wanted = getopt.getopt(arguments, "xfF:")
    flags = dict(pairs)
    unknown = [job_id for job_id in wanted if job_id not in cluster["jobs"]]
    if unknown:
        raise Refusal(f"Unknown Job Id {unknown[0]}", 153)
    jobs = {
        job_id: job
        for job_id, job in cluster["jobs"].items()
        if ("-x" in flags or job["job_state"] != "F") and (not wanted or job_id in wanted)
    }
    return json.dumps({**VERSION, **({"Jobs": jobs} if jobs else {})}, indent=4)


def qselect(arguments: list[str], cluster: Facts) -> str:
    wanted = dict(getopt.getopt(arguments, "u:N:")[0])
    found = (
        job_id
        for job_id, job in cluster["jobs"].items()
        if job["Job_Owner"].split("@")[0] == wanted["-u"]
        and job["Job_Name"] == wanted["-N"]
        and job["job_state"] != "F"
    )
    return "\n".join(found)


def pbsnodes(arguments: list[str], cluster: Facts) -> str:
    name = dict.fromkeys(arguments).popitem()[0]
    if name not in cluster["nodes"]:
        raise Refusal(f"Unknown node  MSG={name}", 1)
    return json.dumps({**VERSION, "nodes": {name: cluster["nodes"][name]}}, indent=4)


COMMANDS = {"qsub": qsub, "qdel": qdel, "qstat": qstat, "qselect": qselect, "pbsnodes": pbsnodes}

if __name__ == "__main__":
    sys.exit(main())
