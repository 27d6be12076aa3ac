"""The judge's process: it answers checks on its standard input, each in a fork of its own.

A fork that answers splits first, before it knows any problem: the half that will run the kernel never has
the reference in its memory. It gets inputs and sends outputs; the other half works out what they should be.
"""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from typing import IO, Any

from hpcampus_kernels.judging.frames import read_frame, write_frame
from hpcampus_kernels.judging.gate import refusal
from hpcampus_kernels.judging.runner import ForkedRunner
from hpcampus_kernels.judging.submission import Submission


def main() -> None:
    """Answer until there are no more questions."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What is printed here must not look like an answer.
    os.dup2(2, 1)
    # Ctrl-C in a terminal or a notebook is for the process that asked.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            question, _ = read_frame(questions)
        except EOFError:
            return
        child = os.fork()
        if not child:
            _answer_and_end(question, answers)
        _, status = os.waitpid(child, 0)
        if status:
            write_frame(answers, {"failure": f"the check ended with the status {status}"})


def _answer_and_end(question: Mapping[str, Any], answers: IO[bytes]) -> None:
    try:
        try:
            answer = _answer(question)
        except Exception:
            answer = {"failure": traceback.format_exc()}
        write_frame(answers, answer)
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    submitted = Submission.from_data(question["submission"])
    if reason := refusal(submitted):
        return {"refused": reason}
    with ForkedRunner(submitted) as runner:
        # From here on this process knows the reference.
        from hpcampus_kernels.judging.judge import judged  # noqa: PLC0415

        return {"points": judged(submitted, question, runner)}
