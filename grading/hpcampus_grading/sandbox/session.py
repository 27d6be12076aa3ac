"""One process in the sandbox, seen from outside: it asks, watches the clock, and believes nothing."""

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
from types import TracebackType
from typing import IO, Self

from pydantic import ValidationError

from hpcampus_grading.sandbox.answers import ANSWER, Answer
from hpcampus_grading.sandbox.bubblewrap import SandboxUnavailable, command, library_folders
from hpcampus_grading.sandbox.plan import Plan

_NOBODY = 65534
_FILE_SIZE = 256 << 20
_READ = 1 << 16


class SandboxEnded(RuntimeError):
    """The process inside is gone; the message says in words why."""


class Session:
    """A sandbox that runs cells, one at a time, in one interpreter."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._buffer = bytearray()
        # JSON can make a character six bytes long; beyond that nobody honest writes.
        self._longest = (plan.limits.output_kib << 10) * 6 + (4 << 20)

    def __enter__(self) -> Self:
        """Start; raises `SandboxUnavailable` when bubblewrap can't make the walls here."""
        limits = self._plan.limits
        self._complaints: IO[bytes] = tempfile.TemporaryFile()
        try:
            self._process, self._first = self._started()
        except (SandboxUnavailable, OSError) as error:
            self._complaints.close()
            raise SandboxUnavailable(str(error)) from error
        try:
            self._line(time.monotonic() + limits.start_seconds)
        except SandboxEnded as error:
            reason = self._complaint()
            self.close()
            raise SandboxUnavailable(
                f"Nothing was graded: the sandbox can't be started here ({reason or error}), and learners' "
                "code is not run without it. It needs bubblewrap 0.8 or newer and user namespaces."
            ) from error
        self._ends_at = time.monotonic() + limits.total_seconds
        return self

    def _started(self) -> tuple[subprocess.Popen[bytes], int | None]:
        """bubblewrap, and a handle on the first process inside, if it came that far."""
        reading, writing = os.pipe()
        # Limits on processes don't hold for root, whose rights are no place for learners' code anyway.
        nobody = _NOBODY if os.geteuid() == 0 else None
        with os.fdopen(reading, "rb", buffering=0) as information, os.fdopen(writing, "wb") as told:
            process = subprocess.Popen(
                command(self._plan, self._settings(), writing),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                cwd="/",
                env={},
                start_new_session=True,
                pass_fds=(writing,),
                user=nobody,
                group=nobody,
                extra_groups=None if nobody is None else [],
            )
            told.close()
            return process, _handle_on_first(information.read())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process inside."""
        self.close()

    def run(self, source: str, *, history: bool = True) -> Answer:
        """Run one cell; raises `SandboxEnded` when there is no answer, or none that can be believed."""
        limits = self._plan.limits
        nonce = secrets.token_hex(8)
        seconds = min(limits.cell_seconds, self._ends_at - time.monotonic())
        if seconds <= 0:
            self.close()
            raise SandboxEnded(f"the notebook used up its {limits.total_seconds:g} seconds")
        request = {"nonce": nonce, "source": source, "seconds": seconds, "history": history}
        self._send(json.dumps(request).encode() + b"\n")
        line = self._line(time.monotonic() + seconds + limits.grace_seconds)
        try:
            answer = ANSWER.validate_json(line)
        except ValidationError as error:
            self.close()
            raise SandboxEnded("the code wrote into the channel that only the grader uses") from error
        if not secrets.compare_digest(answer.nonce.encode(), nonce.encode()):
            self.close()
            raise SandboxEnded("the code wrote into the channel that only the grader uses")
        return answer

    def close(self) -> None:
        """End every process inside, and forget the pipes."""
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _kill(self) -> None:
        """Kill the first process inside: the kernel ends all others before bubblewrap sees it gone."""
        if self._first is None:
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            os.close(self._first)
            self._first = None
        self._process.wait()

    def _settings(self) -> str:
        limits = self._plan.limits
        rlimits = {
            "DATA": limits.memory_mib << 20,
            "NPROC": limits.processes,
            "FSIZE": _FILE_SIZE,
            "CPU": int((limits.start_seconds + limits.total_seconds) * limits.threads) + 1,
            "NOFILE": 1024,
            "CORE": 0,
        }
        paths = [str(folder.parent) for folder in library_folders(self._plan)]
        return json.dumps({"rlimits": rlimits, "paths": paths, "output_bytes": limits.output_kib << 10})

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            self.close()
            raise SandboxEnded("the process ended itself, or was ended by a limit") from error

    def _line(self, deadline: float) -> bytes:
        """The next line from inside; none may be endless, in length or in time."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([descriptor], [], [], left)[0]
            chunk = os.read(descriptor, _READ) if ready else b""
            self._buffer += chunk
            reason = "it could not be stopped in time" if not ready else "the process ended itself"
            if not chunk or len(self._buffer) > self._longest:
                self._kill()
                raise SandboxEnded("it sent far too much output" if chunk else reason)
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    def _complaint(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read(2000).decode("utf-8", "replace").strip()


def _handle_on_first(information: bytes) -> int | None:
    """A handle (pidfd) on the process that bubblewrap reports, None when it failed before there was one."""
    if not information:
        return None
    try:
        return os.pidfd_open(json.loads(information)["child-pid"])
    except ProcessLookupError:
        return None
