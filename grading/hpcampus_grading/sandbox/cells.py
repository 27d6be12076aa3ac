"""Runs the cells of one notebook, in order: a cell that ends everything costs itself and what follows it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from hpcampus_grading.sandbox.answers import Display, Failure, Result, Stream, failure
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.session import SandboxEnded, Session


@dataclass(frozen=True)
class Cell:
    """A code cell; `is_test` for a locked cell of tests, which the learner could not change."""

    source: str
    is_test: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a cell left; `execution_count` is None for a cell that could not be run."""

    outputs: tuple[Stream | Display | Result | Failure, ...]
    execution_count: int | None = None


def run_cells(cells: Iterable[Cell], plan: Plan) -> list[Outcome]:
    """One outcome for each cell; raises `SandboxUnavailable` before anything is run."""
    outcomes: list[Outcome] = []
    ended: str | None = None
    with Session(plan) as session:
        for number, cell in enumerate(cells, start=1):
            if ended:
                outcomes.append(_not_run(ended))
                continue
            try:
                outcomes.append(_outcome(session, cell))
            except SandboxEnded as error:
                sentence = f"This cell ended the whole notebook: {error}."
                outcomes.append(Outcome((failure("NotebookEnded", sentence),)))
                ended = f"code cell {number} ended the notebook: {error}"
    return outcomes


def _outcome(session: Session, cell: Cell) -> Outcome:
    if not cell.source.strip():
        return Outcome(())
    if cell.is_test and not _asserts_still_fail(session):
        sentence = "assertions no longer fail here: something in this notebook changed how Python runs tests."
        return Outcome((failure("TamperedInterpreter", sentence),))
    answer = session.run(cell.source)
    return Outcome(answer.outputs, answer.execution_count)


def _asserts_still_fail(session: Session) -> bool:
    """A canary: an assertion that must fail, before each cell of tests."""
    left, right = secrets.randbelow(1 << 30), (1 << 30) + secrets.randbelow(1 << 30)
    answer = session.run(f"assert {left} == {right}", history=False)
    return any(isinstance(output, Failure) for output in answer.outputs)


def _not_run(reason: str) -> Outcome:
    return Outcome((failure("NotRun", f"This cell was not run, because {reason}."),))
