"""The exchange service as a process of its own, forked from one that has imported it: quick, and yet real."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["hpcampus_grading.service.serving", "alembic.command", "alembic.config"])


def start_exchange(environment: Mapping[str, str], folder: Path, log: Path) -> multiprocessing.Process:
    """What `python -m hpcampus_grading.service` would be in that environment and folder."""
    process = _CONTEXT.Process(target=_serve, args=(dict(environment), folder, log), daemon=True)
    process.start()
    return process  # type: ignore[return-value]  # every context's process is one


def _serve(environment: dict[str, str], folder: Path, log: Path) -> None:
    from hpcampus_grading.service.serving import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if "LD_PRELOAD" in environment:  # as for a clock that is wrong: only a new program heeds it
        os.execve(sys.executable, [sys.executable, "-m", "hpcampus_grading.service"], environment)
    sys.argv = ["exchange"]
    main()
