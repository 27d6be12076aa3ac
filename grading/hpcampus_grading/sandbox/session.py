"""One process in the sandbox, seen from outside: it asks, watches the clock, and believes nothing."""

import contextlib
import time
from types import TracebackType
from typing import Self

from hpcampus_grading.sandbox.answers import Answer
from hpcampus_grading.sandbox.channel import Channel, Question, SandboxEnded
from hpcampus_grading.sandbox.keeping import warm_parent
from hpcampus_grading.sandbox.layers import Layer, refusal
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.surroundings import SandboxUnavailable
from hpcampus_grading.sandbox.warm import Child


class Session:
    """A sandbox that runs cells, one at a time, in one interpreter; `layers` are the walls around it."""

    layers: tuple[Layer, ...] = ()

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._things = contextlib.ExitStack()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        """Start; raises `SandboxUnavailable` when there can't be enough walls here."""
        plan = self._plan
        self._parent = self._things.enter_context(warm_parent(plan))
        try:
            self._begin(plan)
        except BaseException:
            self.close()
            self._parent.close()
            raise
        return self

    def _begin(self, plan: Plan) -> None:
        self._child = self._parent.child(plan)
        self._things.callback(self._kill)
        self.layers = self._child.layers
        if (reason := refusal(self.layers, plan.may_lack)) is not None:
            raise SandboxUnavailable(reason)
        # JSON can make a character six bytes long; beyond that nobody honest writes.
        longest = (plan.limits.output_kib << 10) * 6 + (4 << 20)
        descriptor = self._child.channel.fileno()
        self._channel = Channel(descriptor, descriptor, longest)
        try:
            self._channel.wait_until_ready(time.monotonic() + plan.limits.start_seconds)
        except SandboxEnded as error:
            raise SandboxUnavailable(
                f"Nothing was graded: no process could be started in the sandbox "
                f"({self._parent.complaint() or error})."
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process inside."""
        self.close()

    def ask(self, question: Question, seconds: float) -> Answer:
        """Run one cell; raises `SandboxEnded` when there is no answer, or none that can be believed."""
        try:
            return self._channel.ask(question, seconds, self._plan.limits.grace_seconds)
        except SandboxEnded:
            self.close()
            raise

    def close(self) -> None:
        """End every process inside, and forget the channel."""
        self._things.close()

    def _kill(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
