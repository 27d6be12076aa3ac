"""A warm parent, seen from outside: started once for a course, asked for one child after another."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from hpcampus_grading.sandbox import bubblewrap, orders
from hpcampus_grading.sandbox.layers import Layer
from hpcampus_grading.sandbox.orders import Place
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.surroundings import (
    CODE,
    HOME,
    SCRATCH,
    SandboxUnavailable,
    environment,
    interpreter,
)

_NOBODY = 65534
_LONGEST_ANSWER = 1 << 16
_SECONDS_TO_END, _SECONDS_TO_LEAVE = 10, 0.1
_LAYERS = TypeAdapter(tuple[Layer, ...])


@dataclass(frozen=True)
class Child:
    """One submission's process and what it starts: the channel to it, what they end with, their walls."""

    channel: socket.socket
    process: int
    layers: tuple[Layer, ...]

    def end(self) -> None:
        """End all of them: the kernel ends the others of a namespace before its first is gone."""
        self.channel.close()
        # An interpreter that has nobody to talk to ends by itself, and its processor time is accounted for.
        if not select.select([self.process], [], [], _SECONDS_TO_LEAVE)[0]:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.process, signal.SIGKILL)
            select.select([self.process], [], [], _SECONDS_TO_END)
        os.close(self.process)


class WarmParent:
    """A process that has imported what a course uses, and forks once for each submission."""

    def __init__(self, plan: Plan) -> None:
        """Start it and wait until it is warm; raises `SandboxUnavailable` when it can't be."""
        self._things = contextlib.ExitStack()
        try:
            complaints = tempfile.TemporaryFile()  # noqa: SIM115 (the stack is the context)
            self._complaints = self._things.enter_context(complaints)
            self.place = self._start(plan)
        except BaseException:
            self._things.close()
            raise

    @property
    def lives(self) -> bool:
        """Whether it can be asked for a child."""
        return self._process.poll() is None

    def child(self, plan: Plan) -> Child:
        """Fork: raises `SandboxUnavailable` when there was no child."""
        ours, theirs = socket.socketpair()
        with theirs, _packed(plan.files) as files:
            order = json.dumps(orders.for_child(plan, self.place)).encode()
            try:
                socket.send_fds(self._control, [order], [theirs.fileno(), files.fileno()])
                _, handles, _, _ = socket.recv_fds(self._control, _LONGEST_ANSWER, 1)
            except OSError:
                handles = []
        if not handles:
            ours.close()
            raise self._unavailable("it made no child")
        try:
            return Child(ours, handles[0], self._layers(handles[0], plan.limits.start_seconds))
        except BaseException:
            Child(ours, handles[0], ()).end()
            raise

    def _layers(self, process: int, seconds: float) -> tuple[Layer, ...]:
        """What the child found when it tried the walls; no learner's code runs before it said so."""
        both: list[Any] = [self._control, process]
        ready = select.select(both, [], [], seconds)[0]
        if self._control not in ready:
            raise self._unavailable("the child ended" if ready else "the child took too long")
        return _LAYERS.validate_json(self._control.recv(_LONGEST_ANSWER))

    def close(self) -> None:
        """End it and everything that it started."""
        self._things.close()

    def complaint(self) -> str:
        """The last lines that it or a child wrote before any learner's code ran."""
        self._complaints.seek(0)
        return self._complaints.read()[-2000:].decode("utf-8", "replace").strip()

    def _start(self, plan: Plan) -> Place:
        try:
            place = Place(HOME, SCRATCH)
            answer = self._run(plan, lambda settings: bubblewrap.command(plan, settings), {})
        except SandboxUnavailable as error:
            if not plan.may_lack:
                raise
            folder = self._own_folder()
            place = Place(folder, folder, no_world=str(error))
            variables = environment(plan, place.home, place.scratch)
            answer = self._run(plan, lambda settings: interpreter(CODE, settings), variables)
        return replace(place, no_namespaces=place.no_world or answer["no_namespaces"])

    def _own_folder(self) -> str:
        folder = self._things.enter_context(tempfile.TemporaryDirectory(prefix="hpcampus-"))
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        return folder

    def _run(
        self, plan: Plan, command: Callable[[str], list[str]], variables: Mapping[str, str]
    ) -> dict[str, Any]:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Limits on processes don't hold for root, whose rights are no place for learners' code anyway.
        nobody = _NOBODY if os.geteuid() == 0 else None
        with theirs:
            try:
                self._process = subprocess.Popen(
                    command(json.dumps(orders.for_parent(plan, theirs.fileno()))),
                    stdin=subprocess.DEVNULL,
                    stdout=self._complaints,
                    stderr=self._complaints,
                    cwd="/",
                    env=variables,
                    start_new_session=True,
                    pass_fds=(theirs.fileno(),),
                    user=nobody,
                    group=nobody,
                    extra_groups=None if nobody is None else [],
                )
            except (OSError, SandboxUnavailable) as error:
                self._control.close()
                raise SandboxUnavailable(str(error)) from error
        try:
            answer = self._first_answer(plan.limits.start_seconds)
        except BaseException:
            self._end()
            raise
        self._things.callback(self._end)
        return answer

    def _first_answer(self, seconds: float) -> dict[str, Any]:
        self._control.settimeout(seconds)
        try:
            answer = self._control.recv(_LONGEST_ANSWER)
        except OSError as error:
            raise self._unavailable(str(error)) from error
        if not answer:
            self._process.wait()  # until then it may still say why
            raise self._unavailable("its first process ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    def _end(self) -> None:
        """Closing the channel tells it to end; one that doesn't is killed, with all in its namespace."""
        self._control.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _unavailable(self, reason: str) -> SandboxUnavailable:
        return SandboxUnavailable(
            f"Nothing was graded: the sandbox can't be started here ({self.complaint() or reason}), and "
            "learners' code is not run without it. It needs bubblewrap 0.8 or newer and user namespaces."
        )


def _packed(folder: Path) -> IO[bytes]:
    """The files below a folder, as an archive in memory; nothing where there are none."""
    file = os.fdopen(os.memfd_create("files", os.MFD_CLOEXEC), "w+b")
    if any(folder.iterdir()):
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(folder, arcname=".")
        file.seek(0)
    return file
