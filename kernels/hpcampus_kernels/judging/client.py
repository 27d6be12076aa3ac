"""The notebook's side of a check: it starts the judge in a process of its own and asks it.

The judge is a fresh interpreter. Whatever was exchanged in this process, NumPy or this package, it has its
own. It is started at the first check and stays for the next ones, since starting takes a second.
"""

import atexit
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numba
import numpy as np

import hpcampus_kernels
from hpcampus_kernels.judging.frames import read_frame, write_frame

BOOT = Path(__file__).with_name("boot.py")
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "CUDA_HOME", "CUDA_PATH")
SET = {"HPCAMPUS_CUDA": "simulator", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def command(module: str) -> list[str]:
    """What runs a module of this package in a fresh interpreter, with the same packages as this one."""
    folders = [str(Path(str(package.__file__)).parents[1]) for package in (hpcampus_kernels, np, numba)]
    return [sys.executable, "-I", str(BOOT), module, *dict.fromkeys(folders)]


def environment() -> dict[str, str]:
    """What it gets of this process' environment."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


class JudgeFailedError(RuntimeError):
    """The judge itself failed: nothing is known about the kernel. The message is for the operator."""


class Judge:
    """A running judge. It belongs to one process: a fork needs one of its own."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            command("server"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment() | SET,
            cwd="/",
        )
        self._questions, self._answers = _open(self.process.stdin), _open(self.process.stdout)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer; JudgeFailedError if there is none."""
        try:
            write_frame(self._questions, request)
            answer, _ = read_frame(self._answers)
        except (OSError, EOFError) as error:
            self.end()
            raise JudgeFailedError("the process that checks kernels has ended") from error
        if "failure" in answer:
            raise JudgeFailedError(answer["failure"])
        return answer

    def end(self) -> None:
        """Let it go, and wait until it has."""
        for pipe in (self._questions, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()
        if self.owner == os.getpid():
            self.process.wait()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise JudgeFailedError("the process that checks kernels has no pipes")
    return pipe


_judges: dict[int, Judge] = {}


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """Ask this process' judge."""
    judge = _judges.get(os.getpid())
    if judge is None or judge.process.poll() is not None:
        judge = _judges[os.getpid()] = Judge()
    return judge.ask(request)


@atexit.register
def _end() -> None:
    if judge := _judges.pop(os.getpid(), None):
        judge.end()
