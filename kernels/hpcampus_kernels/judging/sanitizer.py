"""NVIDIA's compute-sanitizer, which watches a launch on a GPU: what it says beside our own findings.

It comes with a CUDA toolkit, or as the package nvidia-cuda-sanitizer-api. It sees what happens in one order
of the threads, races in shared memory only, and needs seconds for each of its tools.
"""

import io
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from hpcampus_kernels import backend
from hpcampus_kernels.inspection.tools import find
from hpcampus_kernels.judging.client import command, environment
from hpcampus_kernels.judging.frames import write_frame
from hpcampus_kernels.judging.submission import Submission
from hpcampus_kernels.judging.task import Task
from hpcampus_kernels.verdict import Point

SANITIZER, MEANING = "sanitizer", "NVIDIA's compute-sanitizer finds nothing"
PROGRAM, PACKAGE = "compute-sanitizer", "nvidia-cuda-sanitizer-api"
TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
SECONDS = 300
# A record starts with a sentence; what is indented further belongs to it.
_SENTENCE = re.compile(r"^========= (?:Error: |Warning: |ERROR: |WARN: )?(?=\S)(.*)$")
_DETAIL = re.compile(r"^=========\s{2,}(at .*)$")
_SUMMARY = re.compile(r"^========= \w+ SUMMARY: (\d+) .*?(?:\((\d+) errors?\b.*)?$")
_NO_RECORD = ("COMPUTE-SANITIZER", "Target application", "Internal", "LEAK SUMMARY")


@dataclass(frozen=True)
class Said:
    """What one of its tools said: how many errors it counted, or None if it failed, and its sentences."""

    tool: str
    errors: int | None
    sentences: tuple[str, ...] = ()


def watched(submitted: Submission, task: Task, tool: str) -> Said:
    """Launch once under one of the tools; ToolMissingError if there is none."""
    head, arrays = task.frame()
    question = io.BytesIO()
    write_frame(question, {**head, "submission": submitted.as_data()}, arrays)
    try:
        done = subprocess.run(
            [str(find(PROGRAM, PACKAGE)), "--tool", tool, *command("one_launch")],
            input=question.getvalue(),
            capture_output=True,
            env=environment() | {"HPCAMPUS_CUDA": backend.CHOSEN},
            cwd="/",
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Said(tool, None, (f"it had not ended after {SECONDS} seconds",))
    return parsed(tool, (done.stdout + done.stderr).decode(errors="replace"))


def parsed(tool: str, text: str) -> Said:
    """What its output says. Without the summary that ends it, it failed."""
    lines = text.splitlines()
    summary = next(filter(None, map(_SUMMARY.match, lines)), None)
    if summary is None:
        return Said(tool, None, (" ".join(lines[-3:]) or "it said nothing",))
    sentences: list[str] = []
    for line in lines:
        if sentences and (detail := _DETAIL.match(line)):
            sentences[-1] += f" {detail[1].strip()}"
        elif (
            (found := _SENTENCE.match(line)) and "SUMMARY" not in line and not found[1].startswith(_NO_RECORD)
        ):
            sentences.append(found[1].strip())
    return Said(tool, int(summary[2] or summary[1]), tuple(sentences))


def point(said: Sequence[Said], most: float) -> Point:
    """One for each tool that found no more than that; a tool that failed says nothing about the kernel."""
    heard = [one for one in said if one.errors is not None]
    loud = [one for one in heard if (one.errors or 0) > most]
    words = [f"{one.tool} counts {one.errors} errors{_first(one)}" for one in loud]
    words += [f"{one.tool} failed{_first(one)}" for one in said if one.errors is None]
    return Point(SANITIZER, MEANING, len(heard) - len(loud), len(heard), "\n".join(words), "tools")


def _first(one: Said) -> str:
    return f": {one.sentences[0]}" if one.sentences else ""
