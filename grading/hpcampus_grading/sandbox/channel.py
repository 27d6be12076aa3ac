"""The grader's end of the pipes: asks one question at a time, watches the clock, and believes nothing.

Both kinds of process inside, cold and forked, are asked through this.
"""

import os
import secrets
import select
import time
from dataclasses import dataclass

from pydantic import ValidationError

from hpcampus_grading.sandbox.answers import ANSWER, Answer
from hpcampus_grading.sandbox.inside import wire

_READ = 1 << 16
_ENDED = "the process ended itself, or was ended by a limit"


class SandboxEnded(RuntimeError):
    """The process inside is gone or has to go; the message says in words why."""


class ChannelAbused(SandboxEnded):
    """What came was no answer to the question: somebody else than the runner wrote into the channel."""

    def __init__(self) -> None:
        super().__init__("the code wrote into the channel that only the grader uses")


@dataclass(frozen=True)
class Question:
    """One cell to run as number `count`; a cell of tests is run apart from what a learner can change.

    `keep` False: it is none of the notebook's, and leaves no trace; the sandbox learns that afterwards.
    `defines` are names that it defines for tests, `uses` those that it uses itself, as they were defined;
    `holds` are those of the former whose contents count, too; `builtin` are names of Python's own in it.
    """

    source: str
    count: int
    test: bool = False
    locked: bool = False
    keep: bool = True
    defines: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    builtin: tuple[str, ...] = ()


class Channel:
    """Two descriptors; `longest` is how many bytes an honest answer can have."""

    def __init__(self, to: int, come: int, longest: int) -> None:
        self._to, self._come, self._longest = to, come, longest
        os.set_blocking(to, False)
        self._buffer = bytearray()

    def wait_until_ready(self, deadline: float) -> None:
        """Wait for the first message; raises `SandboxEnded`."""
        self._message(deadline)

    def ask(self, question: Question, seconds: float, grace: float) -> Answer:
        """Run one cell; raises `SandboxEnded` when there is no answer, or none that can be believed."""
        if self._buffer or self._readable(0):
            # Nobody was asked.
            raise self._unasked()
        nonce = secrets.token_hex(16)
        number = secrets.token_hex(8)
        cell = {
            "id": number,
            "source": question.source,
            "count": question.count,
            "test": question.test,
            "locked": question.locked,
            "defines": question.defines,
            "uses": question.uses,
            "holds": question.holds,
            "builtin": question.builtin,
            "seconds": seconds,
        }
        deadline = time.monotonic() + seconds + grace
        closing = {"id": number, "nonce": nonce, "keep": question.keep}
        self._send(wire.pack(cell) + wire.pack(closing), deadline)
        message = self._message(deadline)
        try:
            answer = ANSWER.validate_json(message)
        except ValidationError as error:
            raise ChannelAbused from error
        if not secrets.compare_digest(answer.nonce.encode(), nonce.encode()):
            raise ChannelAbused
        return answer

    def _unasked(self) -> SandboxEnded:
        return ChannelAbused() if self._buffer or self._received(1) else SandboxEnded(_ENDED)

    def _received(self, most: int) -> bytes:
        try:
            return os.read(self._come, most)
        except ConnectionError:
            return b""

    def _send(self, data: bytes, deadline: float) -> None:
        """Nobody inside can keep us waiting by not reading."""
        try:
            while data:
                if not select.select([], [self._to], [], max(0, deadline - time.monotonic()))[1]:
                    raise SandboxEnded("it took no more questions")
                data = data[os.write(self._to, data) :]
        except OSError as error:
            raise SandboxEnded(_ENDED) from error

    def _message(self, deadline: float) -> bytes:
        """The next message; none may be endless, in length or in time."""
        while len(self._buffer) < (length := wire.length_of(self._buffer)):
            if length > self._longest:
                raise ChannelAbused  # no honest answer is so long
            if not self._readable(deadline - time.monotonic()):
                raise SandboxEnded("it could not be stopped in time")
            if not (chunk := self._received(_READ)):
                raise SandboxEnded(_ENDED)
            self._buffer += chunk
        message = bytes(self._buffer[wire.HEAD : length])
        del self._buffer[:length]
        return message

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self._come], [], [], max(0, seconds))[0])
