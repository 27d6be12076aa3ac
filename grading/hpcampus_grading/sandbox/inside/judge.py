"""Runs cells of tests: not through IPython's hooks, and with functions taken before any learner's code ran.

Whether a cell passed is decided here by whether it raised. IPython is asked afterwards, for words only.
"""

import __future__

import ast
import builtins
from collections.abc import Collection, Container, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from IPython.core.displayhook import DisplayHook
from IPython.core.formatters import PlainTextFormatter
from IPython.core.inputtransformer2 import TransformerManager

from hpcampus_grading.sandbox.inside import hooks
from hpcampus_grading.sandbox.inside.history import History
from hpcampus_grading.sandbox.inside.originals import Originals
from hpcampus_grading.sandbox.inside.outputs import Outputs
from hpcampus_grading.sandbox.inside.strangers import Strangers

_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
_MOST_EVIDENCE = 10
_REPLACING = ("setattr", "patch", "object")  # the last is mock.patch's
_COROUTINE = 0x80  # inspect.CO_COROUTINE
_PLAIN = (int, float, bool, str)
Evidence = dict[str, str]


class Judged(NamedTuple):
    """Signs that the interpreter isn't what it was; why the cell failed, or its value."""

    evidence: list[Evidence]
    failure: BaseException | None = None
    value: Any = None


class Judge:
    """Makes its own copies of everything that it relies on: make it before any learner's code runs."""

    def __init__(self, shell: Any, outputs: Outputs) -> None:
        self._shell, self._outputs, self._names = shell, outputs, shell.user_ns
        self._compile: Any = compile
        self._eval: Any = eval
        self._await, self._cache = shell.loop_runner, type(shell.compile).cache
        make_transformer: Any = TransformerManager
        self._formatter: Any = PlainTextFormatter()
        self._transformer = make_transformer()
        self._ends_quietly: Any = DisplayHook.semicolon_at_end_of_expression
        self._history = History(shell)
        self._builtins = builtins
        self._seen: dict[str, Evidence] = {}
        self._hooks, self._originals, self._strangers = hooks.Hooks(shell), Originals(), Strangers()

    def run(self, source: str, count: int, own: Collection[str]) -> Judged:
        """Run a cell of tests as number `count`; the names in `own` are Python's in it."""
        failure: BaseException | None = None
        value: Any = None
        allowed: set[str] = set()
        self._history.begin(source, count)
        self._shell.testing = self._hooks.watching = True
        try:
            tree, name = self._parsed(source, count)
            allowed.update(_named(tree))
            value = self._run(tree, name, own)
        except BaseException as error:
            failure = error
        finally:
            self._shell.testing = self._hooks.watching = False
        self.look(allowed)
        with suppress(Exception):
            self._shell.events.trigger("post_execute")  # Matplotlib shows its figures then
        return Judged(list(self._seen.values())[:_MOST_EVIDENCE], failure, value)

    def ending(self, judged: Judged, source: str, count: int, wanted: bool) -> dict[str, Any] | None:
        """The cell's last output, an error or a value; an error has words only where they are `wanted`."""
        if judged.failure is None:
            return self._shown(judged.value, source, count)
        if not wanted:
            return self._outputs.failure(type(judged.failure).__name__, "", [])
        return self._explained(judged.failure)

    def forget(self) -> None:
        """The cell that ran last was none of the notebook's."""
        self._history.forget()

    def replaced_by(self, source: str) -> set[str]:
        """The names that a cell of the instructor's own replaces; ask before anything runs."""
        try:
            return set(_named(self._compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST, True)))
        except SyntaxError:  # IPython's own syntax
            return set()

    def look(self, allowed: Container[str]) -> None:
        """What was seen once stays a sign for all tests that follow; `allowed` names may be replaced."""
        for sign in self._signs(allowed):
            self._seen.setdefault(sign["evidence"], sign)

    def _signs(self, allowed: Container[str]) -> Iterator[Evidence]:
        for name in list(self._originals.changed()):
            if _last(name) in allowed:
                self._originals.accept(name)
            else:
                self._originals.restore(name)
                yield {"kind": "replaced", "evidence": f"{name} was replaced"}
        for hook in self._hooks.used():
            if _last(hook) not in allowed:
                yield {"kind": "hook", "evidence": f"{hook} was used"}
        found = self._names.get("__builtins__", self._builtins)
        if found is not self._builtins and found is not vars(self._builtins):
            self._names["__builtins__"] = self._builtins
            yield {"kind": "replaced", "evidence": "the notebook's built-in functions were replaced"}
        for words in dict.fromkeys(self._strangers.found):
            yield {"kind": "equal", "evidence": words}
        self._strangers.found.clear()

    def _parsed(self, source: str, count: int) -> tuple[ast.Module, str]:
        """The cell as a tree, with IPython's own syntax only where it isn't Python."""
        flags = self._flags()
        try:
            tree = self._compile(source, "<cell>", "exec", flags | ast.PyCF_ONLY_AST, True)
        except SyntaxError:
            transformed = self._transformer.transform_cell(source)
            name = self._cache(self._shell.compile, transformed, count, source)
            return self._compile(transformed, name, "exec", flags | ast.PyCF_ONLY_AST, True), name
        return tree, self._cache(self._shell.compile, source, count, source)

    def _flags(self) -> int:
        return int(self._shell.compile.flags) & _FUTURES | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def _run(self, tree: ast.Module, name: str, own: Collection[str]) -> Any:
        self._strangers.guard(tree, own)
        last = tree.body[-1] if tree.body else None
        codes: list[tuple[ast.mod, str]] = [(tree, "exec")]
        if isinstance(last, ast.Expr):
            tree.body.pop()
            codes.append((ast.Expression(last.value), "eval"))
        value = None
        for part, mode in codes:
            code = self._strangers.armed(self._compile(part, name, mode, self._flags(), True))
            value = self._eval(code, self._names)
            if code.co_flags & _COROUTINE:
                value = self._await(value)
        return value if len(codes) == 2 else None

    def _shown(self, value: Any, source: str, count: int) -> dict[str, Any] | None:
        """The value of the last line, of which nbgrader reads partial credit."""
        if value is None or self._ends_quietly(source):
            return None
        text = repr(value) if type(value) in _PLAIN else self._formatter(value)
        bundle = {}
        with suppress(Exception):
            bundle = self._shell.display_formatter.format(value)[0]
        with suppress(Exception):
            self._shell.displayhook.update_user_ns(value)
        return self._outputs.result({**bundle, "text/plain": text}, count)

    def _explained(self, failure: BaseException) -> dict[str, Any]:
        name, text = type(failure).__name__, ""
        words = [f"{name}: it can't be shown"]
        with suppress(BaseException):
            text = str(failure)
            words = [f"{name}: {text}"]
            words = [str(line) for line in _traceback(self._shell, type(failure), failure)]
        return self._outputs.failure(name, text, words)


def _traceback(shell: Any, kind: type, failure: BaseException) -> list[str]:
    if isinstance(failure, SyntaxError):
        return list(shell.SyntaxTB.structured_traceback(kind, failure, []))
    if hasattr(failure, "_render_traceback_"):
        return list(failure._render_traceback_())
    trace = failure.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith(__package__):
        trace = trace.tb_next  # our own frames
    return list(shell.InteractiveTB.structured_traceback(kind, failure, trace, tb_offset=0))


def _named(tree: ast.AST) -> Iterator[str]:
    """Names that a cell replaces, or hooks that it uses: an instructor may."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if isinstance(node.ctx, ast.Store) or node.attr in hooks.NAMES:
                yield node.attr
        elif isinstance(node, ast.Call):
            function = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if function in _REPLACING:
                texts = [argument for argument in node.args if isinstance(argument, ast.Constant)]
                yield from (_last(text.value) for text in texts if isinstance(text.value, str))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
