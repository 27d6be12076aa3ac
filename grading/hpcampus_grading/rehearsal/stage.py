"""The instructor's notebook in one sandbox: does it run, how long, and do its tests see mistakes?"""

import ast
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hpcampus_courses.notebook import Cell, Notebook

from hpcampus_grading.sandbox.answers import Answer, Display, Failure, Result, Stream
from hpcampus_grading.sandbox.channel import Question, SandboxEnded
from hpcampus_grading.sandbox.plan import Plan
from hpcampus_grading.sandbox.session import Session

_WARNING = re.compile(r"\w*Warning: .*")
# Makes of a cell's code all versions with one mistake, each with a label.
Mutator = Callable[[str], Iterable[tuple[str, str]]]


@dataclass
class Mutants:
    """How many mistakes in the solution cost points, and the labels of those that cost none."""

    killed: int = 0
    alive: list[str] = field(default_factory=list)
    equivalent: set[str] = field(default_factory=set)

    @property
    def share(self) -> float:
        """Of the mutants that aren't equivalent, how many were killed."""
        tried = self.killed + len(self.alive)
        return self.killed / tried if tried else 1.0


class Stage:
    """All cells, run in order on entering: `problems` are what did not go well, `seconds` what each took."""

    def __init__(self, notebook: Notebook, plan: Plan) -> None:
        self._notebook, self._plan = notebook, plan
        self.problems: list[str] = []
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Run; raises `SandboxUnavailable` where there can be no sandbox."""
        self._open()
        for cell in self._notebook.code:
            started = time.monotonic()
            try:
                answer = self._run(cell.source)
            except SandboxEnded as error:
                self.problems.append(f"cell {cell.name} ended the notebook: {error}")
                break
            self.seconds[cell.name] = time.monotonic() - started
            self.problems += _problems(cell, answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the sandbox."""
        self._session.close()

    @property
    def graded_seconds(self) -> float:
        """How long the answers and the tests took."""
        names = {*self._notebook.answers, *self._notebook.points}
        return sum(seconds for name, seconds in self.seconds.items() if name in names)

    def mutants(self, mutators: Iterable[Mutator], equivalent: Mapping[str, str]) -> Mutants:
        """Put one mistake at a time into each answer, and run the tests that use what it defines."""
        found = Mutants()
        for cell in self._notebook.answers.values():
            if cell.cell_type != "code":
                continue
            tests = list(_tests_of(cell, self._notebook))
            for label, source in _distinct(mutators, cell):
                if label in equivalent:
                    found.equivalent.add(label)
                elif self._lost(source, tests):
                    found.killed += 1
                else:
                    found.alive.append(label)
            self._run(cell.source)
        return found

    def _lost(self, source: str, tests: Iterable[Cell]) -> bool:
        try:
            return any(_failed(self._run(code)) for code in (source, *(test.source for test in tests)))
        except SandboxEnded:
            self._session.close()
            self._open()
            for cell in self._notebook.code:
                if cell.name not in self._notebook.points:
                    self._run(cell.source)
            return True

    def _open(self) -> None:
        self._session = Session(self._plan).__enter__()
        self._count = 0

    def _run(self, source: str) -> Answer:
        self._count += 1
        return self._session.ask(Question(source, self._count), self._plan.limits.cell_seconds)


def _distinct(mutators: Iterable[Mutator], cell: Cell) -> Iterator[tuple[str, str]]:
    seen = set()
    for mutate in mutators:
        for label, source in mutate(cell.source):
            if source not in seen:
                seen.add(source)
                yield f"{cell.name}: {label}", source


def _problems(cell: Cell, answer: Answer) -> Iterator[str]:
    if error := next((one for one in answer.outputs if isinstance(one, Failure)), None):
        yield f"cell {cell.name} fails: {error.ename}: {error.evalue}"
    texts = [one.text for one in answer.outputs if isinstance(one, Stream)]
    for found in _WARNING.findall("".join(texts)):
        yield f"cell {cell.name} warns: {found}"
    shown = [one for one in answer.outputs if isinstance(one, Display | Result)]
    if any(mime.startswith("image/") for one in shown for mime in one.data) and not "".join(texts).strip():
        yield f"cell {cell.name} shows a figure: print what it tells, for those who don't see it"


def _failed(answer: Answer) -> bool:
    return any(isinstance(output, Failure) for output in answer.outputs)


def _tests_of(answer: Cell, notebook: Notebook) -> Iterator[Cell]:
    """The graded cells that use a name which the answer defines."""
    defined = set(_defined(ast.parse(answer.source)))
    for cell in notebook.code:
        if cell.name in notebook.points:
            used = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            if used & defined:
                yield cell


def _defined(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement.name
        else:
            names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
            yield from (name.id for name in names if isinstance(name.ctx, ast.Store))
