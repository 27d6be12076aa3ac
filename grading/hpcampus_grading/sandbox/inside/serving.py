"""The loop inside the sandbox: takes cells from the grader one at a time, and answers with what they left.

Nothing here is trusted by the side that reads the answers: limits here keep honest mistakes cheap, and the
walls around this process hold whatever it turns into.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from hpcampus_grading.sandbox.inside import wire
from hpcampus_grading.sandbox.inside.helpers import Helpers
from hpcampus_grading.sandbox.inside.history import History
from hpcampus_grading.sandbox.inside.judge import Judge, Judged
from hpcampus_grading.sandbox.inside.outputs import Outputs, Stream

CAPTURE = os.path.join(os.environ.get("TMPDIR", "/tmp"), ".output")  # noqa: PTH118, S108 (the sandbox's own)


class CellTimeoutError(BaseException):
    """A cell that ran too long; not an Exception, so that `except Exception` doesn't hide it."""


class Interpreter:
    """Everything that one notebook needs, made before any learner's code; a warm parent forks it."""

    def __init__(self, shell: Any, outputs: Outputs) -> None:
        self._outputs, self._shell = outputs, shell
        self._judge, self._history = Judge(shell, outputs), History(shell)
        self._helpers = Helpers(shell.user_ns)

    def serve(self, channel: socket.socket, settings: dict[str, Any]) -> None:
        """Run the cells that come over the channel until it is closed; nobody else writes to it."""
        _redirect()
        Path(self._shell.ipython_dir).mkdir(exist_ok=True)
        sys.path.insert(0, settings["home"])
        sys.stdout = sys.stderr = Stream(self._outputs)
        self._outputs.limit = settings["output_bytes"]
        send, receive, ends = wire.send, wire.receive, channel.detach()
        send(ends, {"ready": True})
        while (question := receive(ends)) is not None:
            self._outputs.reset()
            judged, answer = self._answer(question)
            if text := _captured():
                self._outputs.stream(text)
            closing = receive(ends)
            if closing is None or closing.get("id") != question["id"]:
                return
            if closing["keep"]:
                if question["locked"]:
                    self._helpers.keep()
            else:
                self._judge.forget()
            ending = self._judge.ending(judged, question["source"], question["count"], closing["keep"])
            answer["outputs"] = [*self._outputs.items, *([ending] if ending else [])]
            send(ends, {**answer, "nonce": closing["nonce"]})

    def _answer(self, question: dict[str, Any]) -> tuple[Judged, dict[str, Any]]:
        source, count = question["source"], question["count"]
        own = question["locked"] and not question["test"]  # the judge itself asks for a test's
        allowed = self._judge.replaced_by(source) if own else ()
        judged = Judged([])
        failed: BaseException | None = None
        if question["locked"]:
            self._helpers.begin(question["defines"], question["uses"], question["holds"])
        try:
            with _Alarm(question["seconds"]):
                if question["test"]:
                    judged = self._judge.run(source, count, question["builtin"])
                else:
                    self._history.count_from(count)
                    result = self._shell.run_cell(source, store_history=True)
                    failed = result.error_before_exec or result.error_in_exec
        except BaseException as error:  # the time ended inside of our own code or IPython's, for example
            failed = error
        complete = failed is None and judged.failure is None
        replaced = self._helpers.end(complete) if question["locked"] else []
        words = (f"{name} was replaced by what it tests" for name in replaced)
        evidence = [*judged.evidence, *({"kind": "replaced", "evidence": text} for text in words)]
        if not question["test"]:
            self._judge.look(allowed)
        self._mention(failed)
        return judged, {"evidence": evidence, "execution_count": count}

    def _mention(self, failed: BaseException | None) -> None:
        name = type(failed).__name__
        if failed is not None and not any(item.get("ename") == name for item in self._outputs.items):
            self._outputs.error(name, str(failed), [f"{name}: {failed}"])


class _Alarm:
    """Raises `CellTimeoutError` in the block when its time is over."""

    _set, _timer = staticmethod(signal.signal), staticmethod(signal.setitimer)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def _ring(self, *_: Any) -> None:
        raise CellTimeoutError(f"this cell ran for more than {self._seconds:g} seconds and was stopped")

    def __enter__(self) -> None:
        self._set(signal.SIGALRM, self._ring)
        self._timer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        self._timer(signal.ITIMER_REAL, 0)


def _redirect() -> None:
    """Let what C code and child processes write go into a file."""
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, CAPTURE, os.O_RDWR | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    os.dup2(1, 2)


def _captured() -> str:
    """What they wrote since the last cell."""
    if not os.stat(CAPTURE).st_size:  # noqa: PTH116 (after every cell)
        return ""
    with Path(CAPTURE).open("r+b", buffering=0) as file:
        data = file.read(1 << 20) or b""
        file.truncate(0)
    return data.decode("utf-8", "replace")
