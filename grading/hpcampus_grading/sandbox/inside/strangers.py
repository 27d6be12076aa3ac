"""Finds values that claim to be equal to everything, where tests compare them or pass them on.

Every operand of a comparison and every argument of a call in a cell of tests goes through `Strangers.look`. A
value whose class is older than the learner's code passes at once; any other is compared with values that were
drawn for this purpose, and that nothing can rightly equal.
"""

import ast
import builtins
import operator
import random
import sys
import types
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

_DEEPEST, _MOST = 4, 1000
_ON_THE_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_CONTAINERS = (list, tuple, set, frozenset)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Strangers:
    """Knows the classes that are there when it is made: make it before any learner's code runs."""

    def __init__(self) -> None:
        self._known = frozenset(_all_classes(object))
        self._random = random.SystemRandom()
        self._mark = f"{self._random.getrandbits(128):x}"
        self._own_mark = f"{self._random.getrandbits(128):x}"
        self._own = types.SimpleNamespace(**vars(builtins))
        self.found: list[str] = []

    def look(self, value: Any) -> Any:
        """The value itself; what is suspicious about it is in `found`."""
        self._look(value, 0)
        return value

    def _look(self, value: Any, depth: int) -> None:
        kind = type(value)
        # No learner's code makes a class that isn't on the heap.
        if kind in self._known or not kind.__flags__ & _ON_THE_HEAP:
            if kind in _CONTAINERS and depth < _DEEPEST:
                for item in list(value)[:_MOST]:
                    self._look(item, depth + 1)
            elif kind is dict and depth < _DEEPEST:
                self._look(list(value.values()), depth)
            elif kind.__name__ == "ndarray" and value.dtype.hasobject:
                self._look(value.ravel()[:_MOST].tolist(), depth + 1)
        elif any(_holds(question, value) for question in self._questions(kind)):
            self.found.append(f"an object of class {kind.__name__!r} is equal to everything")

    def _questions(self, kind: type) -> Iterator[Callable[[Any], Any]]:
        number = self._random.getrandbits(62)
        numpy: Any = sys.modules.get("numpy")
        if numpy is not None and hasattr(kind, "__array_function__"):
            some = numpy.array([number / 7, number / 11, number / 13])
            yield lambda value: numpy.array_equal(value, some)
            yield lambda value: numpy.allclose(value, some)
        strange: list[Any] = [number, number / 7, f"{number:x}", [number, f"{number:x}"], object()]
        for stranger in strange:
            yield partial(operator.eq, stranger)
            yield partial(_between, stranger)

    def guard(self, tree: ast.Module, own: Collection[str] = ()) -> None:
        """Let the values in a cell of tests go through `look`; functions that it defines are left alone.

        Numba may compile them, and it knows nothing of us. Test functions are guarded, too. The names in
        `own` are Python's, whatever a learner calls so: for the cell, and not for what it calls.
        """
        for statement in tree.body:
            _Own(own, self._own_mark).visit(statement)
            self._guard(statement)

    def _guard(self, node: ast.AST) -> None:
        if isinstance(node, _DEFINITIONS) and not _is_test(node):
            return
        for child in ast.iter_child_nodes(node):
            self._guard(child)
        if isinstance(node, ast.Compare):
            node.left = self._guarded(node.left)
            node.comparators = [self._guarded(value) for value in node.comparators]
        elif isinstance(node, ast.Call):
            node.args = [self._guarded(value) for value in node.args]
            for keyword in node.keywords:
                keyword.value = self._guarded(keyword.value)

    def _guarded(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant | ast.Starred | ast.Lambda | ast.GeneratorExp):
            return value
        # Constants are where no code of a learner's can put something else.
        look = ast.Attribute(ast.Constant(self._mark), "__call__", ast.Load())
        call = ast.Call(look, [value], [])
        for new in (look.value, look, call):
            ast.copy_location(new, value)
        return call

    def armed(self, code: types.CodeType) -> types.CodeType:
        """The code of a guarded cell, with `look` and Python's own functions where their marks were."""
        there = {self._mark: self.look, self._own_mark: self._own}
        constants: list[Any] = []
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                constants.append(self.armed(constant))
            else:
                constants.append(there.get(constant, constant) if type(constant) is str else constant)
        return code.replace(co_consts=tuple(constants))


class _Own(ast.NodeTransformer):
    """Takes names from a constant, instead of from where a learner could put something else."""

    def __init__(self, names: Collection[str], mark: str) -> None:
        self._names, self._mark = names, mark

    def visit(self, node: ast.AST) -> Any:
        """Not in functions that Numba may compile."""
        return node if isinstance(node, _DEFINITIONS) and not _is_test(node) else super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """One name."""
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        own = ast.Attribute(ast.copy_location(ast.Constant(self._mark), node), node.id, node.ctx)
        return ast.copy_location(own, node)


def _between(other: Any, value: Any) -> Any:
    return value < other and value > other


def _holds(question: Callable[[Any], Any], value: Any) -> bool:
    try:
        return bool(question(value))
    except Exception:  # what can't be compared isn't equal
        return False


def _is_test(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _all_classes(root: type) -> Iterator[type]:
    seen: set[type] = {root}
    left: list[type] = [root]
    while left:
        found = left.pop()
        yield found
        subclasses: list[type] = type.__subclasses__(found)
        for below in subclasses:
            if below not in seen:
                seen.add(below)
                left.append(below)
