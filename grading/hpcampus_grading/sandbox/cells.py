"""Runs the cells of one notebook, in order: one that ends everything costs its own points and no others."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from hpcampus_grading.sandbox import trial
from hpcampus_grading.sandbox.answers import Answer, Display, Failure, Result, Stream, failure
from hpcampus_grading.sandbox.channel import ChannelAbused, Question, SandboxEnded
from hpcampus_grading.sandbox.given import builtins_in, given_by, reached_by, set_within
from hpcampus_grading.sandbox.layers import Layer
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.report import Kind
from hpcampus_grading.sandbox.session import Session

_RESTARTS = 10


@dataclass(frozen=True)
class Cell:
    """A code cell; `locked` for one that the learner could not change, `is_test` if it gives points, too."""

    source: str
    is_test: bool = False
    locked: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a cell left; `execution_count` is None for a cell that could not be run.

    `signs` are those of tampering, each with its evidence; then an error stands first among the outputs.
    """

    outputs: tuple[Stream | Display | Result | Failure, ...]
    execution_count: int | None = None
    signs: tuple[tuple[Kind, str], ...] = ()


def _nobody_asks(layers: tuple[Layer, ...]) -> None:
    """Keep no record."""


def run_cells(
    cells: Sequence[Cell], plan: Plan, record: Callable[[tuple[Layer, ...]], object] = _nobody_asks
) -> list[Outcome]:
    """One outcome for each cell; raises `SandboxUnavailable` before anything is run.

    `record` is told the sandbox's layers.
    """
    run = _Run(cells, plan)
    try:
        record(run.layers)
        return run.outcomes()
    finally:
        run.close()


def _uses_of(cells: Sequence[Cell]) -> list[frozenset[str]]:
    """What each of the instructor's cells uses of those before it."""
    found: list[frozenset[str]] = []
    earlier: list[str] = []
    for cell in cells:
        found.append(reached_by(cell.source, earlier) if cell.locked else frozenset())
        if cell.locked:
            earlier.append(cell.source)
    return found


class _Run:
    """One notebook in one session, and in fresh ones after cells that ended theirs."""

    def __init__(self, cells: Sequence[Cell], plan: Plan) -> None:
        self._cells, self._plan = cells, plan
        self._uses = _uses_of(cells)
        self._deadly: set[int] = set()
        self._left_for_output = plan.limits.notebook_output_kib << 10
        self._session: Session | None = Session(plan).__enter__()
        self.layers = self._session.layers
        self._ends_at = time.monotonic() + plan.limits.total_seconds
        self._restarts = 0

    def close(self) -> None:
        """End every process inside."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def outcomes(self) -> list[Outcome]:
        """Run all cells."""
        found: list[Outcome] = []
        for index, cell in enumerate(self._cells):
            found.append(self._bounded(self._outcome(index)) if cell.source.strip() else Outcome(()))
        return found

    def _outcome(self, index: int) -> Outcome:
        try:
            self._prepare(index)
        except SandboxEnded as error:
            return Outcome((failure("NotRun", f"This cell was not run: {error}."),))
        try:
            return self._run(index)
        except SandboxEnded as error:
            self._gone(index)
            signs: tuple[tuple[Kind, str], ...] = ()
            if isinstance(error, ChannelAbused):
                signs = (("channel", str(error)),)
            sentence = f"This cell ended the whole notebook: {error}. The cells after it were run without it."
            return Outcome((failure("NotebookEnded", sentence),), signs=signs)

    def _run(self, index: int) -> Outcome:
        cell = self._cells[index]
        if not cell.is_test:
            answer = self._ask(self._question(index))
            return Outcome(answer.outputs, answer.execution_count)
        question = self._question(index)
        judged = trial.judge(question, self._ask, self._plan.asked)
        if judged.gone:
            self._gone(index)
        return Outcome(judged.outputs, question.count, judged.signs)

    def _question(self, index: int) -> Question:
        cell = self._cells[index]
        count = sum(1 for earlier in self._cells[: index + 1] if earlier.source.strip())
        question = Question(cell.source, count, test=cell.is_test, locked=cell.locked)
        if not cell.locked:
            return question
        earlier = [one.source for one in self._cells[:index] if one.locked]
        uses, later = self._uses[index], frozenset().union(*self._uses[index + 1 :])
        within = frozenset().union(*map(set_within, [*earlier, cell.source]))
        defines = given_by(cell.source).keys() | (within & uses)
        return replace(
            question,
            defines=self._given(defines),
            uses=self._given(uses),
            holds=self._given((defines & later) - self._plan.shared),
            builtin=self._given(builtins_in(cell.source, earlier)),
        )

    def _given(self, names: Iterable[str]) -> tuple[str, ...]:
        """Without those that learners are asked to define."""
        return tuple(sorted(set(names) - self._plan.asked))

    def _ask(self, question: Question) -> Answer:
        seconds = max(0.1, min(self._plan.limits.cell_seconds, self._ends_at - time.monotonic()))
        assert self._session is not None
        return self._session.ask(question, seconds)

    def _gone(self, index: int) -> None:
        self._deadly.add(index)
        self.close()

    def _prepare(self, index: int) -> None:
        """A session in which all cells before this one were run, but for those that ended theirs."""
        while self._session is None or time.monotonic() >= self._ends_at:
            if time.monotonic() >= self._ends_at:
                raise SandboxEnded(f"the notebook used up its {self._plan.limits.total_seconds:g} seconds")
            if self._restarts == _RESTARTS:
                raise SandboxEnded(f"cells of this notebook ended it {_RESTARTS} times")
            self._restarts += 1
            self._session = Session(self._plan).__enter__()
            self._replay(index)

    def _replay(self, index: int) -> None:
        for earlier in range(index):
            if earlier not in self._deadly and self._cells[earlier].source.strip():
                try:
                    self._ask(self._question(earlier))
                except SandboxEnded:
                    self._gone(earlier)
                    return

    def _bounded(self, outcome: Outcome) -> Outcome:
        """The whole notebook can't become larger than people can open."""
        size = sum(len(output.model_dump_json()) for output in outcome.outputs)
        self._left_for_output -= size
        if self._left_for_output >= 0:
            return outcome
        self._left_for_output += size
        kept = [output for output in outcome.outputs if isinstance(output, Failure)][:1]
        left_out = Stream(text="[This notebook's output was too long; this cell's is left out.]\n")
        return Outcome((*kept, left_out), outcome.execution_count, outcome.signs)
