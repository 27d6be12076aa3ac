"""Kernels with barriers on a CPU: what lies between two barriers becomes a loop over the threads of a block.

A variable that is the same for all threads stays one; one that differs and is needed in several of the loops
becomes an array with an element for each thread, of the type that Numba gives it. (Loop fission of
Stratton, Stone and Hwu, MCUDA, 2008.) A barrier must be reached by all threads: it may stand in a loop or a
branch only if all threads decide alike there.
"""

import ast
from collections.abc import Iterable, Iterator
from copy import deepcopy
from types import FunctionType
from typing import Any

import numpy as np
from numba.np.numpy_support import as_dtype

from hpcampus_kernels.cpu.rewrite import Names, Path, Rewriter
from hpcampus_kernels.cpu.trees import all_threads, name, product, stored
from hpcampus_kernels.simulator.convert import Converter
from hpcampus_kernels.simulator.device import Device
from hpcampus_kernels.simulator.findings import Findings
from hpcampus_kernels.simulator.static import Array, Number, Static
from hpcampus_kernels.simulator.table import Shape
from hpcampus_kernels.simulator.threads import Dim3
from hpcampus_kernels.simulator.values import UnsupportedError

BARRIER, SHARED = ("syncthreads",), ("shared", "array")
# Names of the device that differ from thread to thread.
VARYING = ("threadIdx", "grid", "laneid", "local", "atomic")


def has_barrier(tree: ast.AST, names: Names) -> bool:
    """Whether there is a barrier in it."""
    return _calls(tree, names, BARRIER)


def of_blocks(tree: ast.AST, names: Names) -> bool:
    """Whether the threads of a block have something in common: a barrier, or shared memory."""
    return has_barrier(tree, names) or _calls(tree, names, SHARED)


def _calls(tree: ast.AST, names: Names, path: Path) -> bool:
    return any(isinstance(n, ast.Call) and names.path(n.func) == path for n in ast.walk(tree))


class Fission:
    """Splits one kernel for one combination of types."""

    def __init__(self, function: FunctionType, arguments: Iterable[Any]) -> None:
        self._device = Device(Shape(Dim3(1, 1, 1), Dim3(1, 1, 1), 32), None, Findings(), 0)
        self._converter = Converter(self._device, counting=False)
        parameters = function.__code__.co_varnames
        self._function = function
        self._known = dict(zip(parameters, map(self._of_argument, arguments), strict=False))
        self.key = tuple(self._known.items())

    def _of_argument(self, value: Any) -> Static:
        if isinstance(value, np.ndarray):
            return Array(value.dtype, value.ndim, whole=True)
        return self._converter.of_argument(value)

    def split(self, tree: ast.FunctionDef, rewriter: Rewriter) -> list[ast.stmt]:
        """The body of a block."""
        self._names, self._rewriter = rewriter.names, rewriter
        self._types = self._converter.specialised(self._function, self._known)[1].types
        self._uniform = self._alike(tree)
        body = self._structured(tree.body)
        kept = self._kept([argument.arg for argument in tree.args.args])
        apart = _Apart(kept)
        for segment in self._segments:
            segment.body[:] = [apart.visit(rewriter.visit(statement)) for statement in segment.body]
        return [*self._arrays(kept), *self._finished(body)]

    def _structured(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The structure, once each variable that a loop over the threads sets is a thread's own."""
        while True:
            self._segments: list[_Segment] = []
            made = self._structure(deepcopy(body), repeated=False)
            inside = {name for segment in self._segments for name in segment.sets()} & self._uniform
            if not inside:
                return made
            self._uniform -= inside

    # What is the same for all threads.

    def _alike(self, tree: ast.FunctionDef) -> set[str]:
        """The variables that are the same for all threads of a block."""
        alike = set(self._names.locals)
        while True:
            differing = {
                target for target in self._differing(tree.body, alike, varying=False) if target in alike
            }
            if not differing:
                return alike
            alike -= differing

    def _differing(self, body: list[ast.stmt], alike: set[str], varying: bool) -> Iterator[str]:
        for statement in body:
            test = _decides(statement)
            here = varying or (test is not None and not self._same(test, alike))
            values = [v for v in (getattr(statement, "value", None),) if isinstance(v, ast.expr)]
            differs = here or any(not self._same(value, alike) for value in values)
            if differs:
                yield from _targets(statement)
            for part in ("body", "orelse"):
                yield from self._differing(getattr(statement, part, []), alike, here)

    def _same(self, node: ast.expr, alike: set[str]) -> bool:
        """Whether an expression is the same for all threads: no index, no element of an array."""
        for part in ast.walk(node):
            path = self._names.path(part) if isinstance(part, (ast.Name, ast.Attribute)) else ()
            if path and path[0] in VARYING:
                return False
            if isinstance(part, ast.Name) and part.id in self._names.locals and part.id not in alike:
                return False
            if isinstance(part, ast.Call) and self._names.function(part.func):
                return False
            if isinstance(part, ast.Subscript) and not isinstance(part.value, ast.Attribute):
                return False
        return True

    # The barriers' own structure, with loops over the threads in between.

    def _structure(self, body: list[ast.stmt], repeated: bool) -> list[ast.stmt]:
        made, segment = list[ast.stmt](), list[ast.stmt]()

        def close() -> None:
            if segment:
                self._segments.append(_Segment(list(segment), repeated))
                made.append(ast.Expr(ast.Constant(len(self._segments) - 1)))
                segment.clear()

        for statement in body:
            if self._is_barrier(statement):
                close()
            elif has_barrier(statement, self._names) or _leaves(statement):
                close()
                made.append(self._with_barrier(statement, repeated))
            elif isinstance(statement, ast.Assign | ast.AugAssign) and self._for_all(statement):
                close()
                made.append(self._rewriter.visit(self._shared(statement)))
            else:
                segment.append(statement)
        close()
        return made or [ast.Pass()]

    def _is_barrier(self, statement: ast.stmt) -> bool:
        call = statement.value if isinstance(statement, ast.Expr) else None
        return isinstance(call, ast.Call) and self._names.path(call.func) == BARRIER

    def _for_all(self, statement: ast.Assign | ast.AugAssign) -> bool:
        targets = _targets(statement)
        return bool(targets) and all(target in self._uniform for target in targets)

    def _shared(self, statement: ast.stmt) -> ast.stmt:
        """Shared arrays are memory of the block."""
        call = getattr(statement, "value", None)
        if isinstance(call, ast.Call) and self._names.path(call.func) == SHARED:
            self._refuse_dynamic(call)
            assert isinstance(statement, ast.Assign)
            return ast.copy_location(ast.Assign(statement.targets, self._rewriter.array(call)), statement)
        return statement

    def _refuse_dynamic(self, call: ast.Call) -> None:
        shape = call.args[0] if call.args else None
        if isinstance(shape, ast.Constant) and shape.value == 0:
            raise UnsupportedError(f"dynamic shared memory isn't split for a CPU (line {call.lineno})")

    def _with_barrier(self, statement: ast.stmt, repeated: bool) -> ast.stmt:
        test = _decides(statement)
        if test is None or not self._same(test, self._uniform):
            if isinstance(statement, ast.Break | ast.Continue):
                return statement
            raise UnsupportedError(
                f"line {statement.lineno} decides for each thread on its own whether it comes to a barrier: "
                "such a kernel isn't split for a CPU"
            )
        assert isinstance(statement, ast.For | ast.While | ast.If)
        repeated |= not isinstance(statement, ast.If)
        body = self._structure(statement.body, repeated)
        orelse = self._structure(statement.orelse, repeated) if statement.orelse else []
        if isinstance(statement, ast.For):
            made: ast.stmt = ast.For(statement.target, self._rewriter.visit(statement.iter), body, orelse)
        elif isinstance(statement, ast.While):
            made = ast.While(self._rewriter.visit(statement.test), body, orelse)
        else:
            made = ast.If(self._rewriter.visit(statement.test), body, orelse)
        return ast.copy_location(made, statement)

    # Variables of a thread.

    def _kept(self, parameters: list[str]) -> dict[str, Any]:
        """The variables that live on from one loop over the threads to another, and their types."""
        own = self._names.locals - self._uniform
        seen, kept = set[str](), set[str]()
        for segment in self._segments:
            names = segment.names() & own
            kept |= names & seen
            kept |= {name for name in names if segment.carries(name)}
            seen |= names
        if assigned := kept.intersection(parameters):
            raise UnsupportedError(
                f"{', '.join(sorted(assigned))} is assigned to, but is a parameter: "
                "such a kernel isn't split for a CPU"
            )
        return {name: self._type(name) for name in sorted(kept)}

    def _type(self, variable: str) -> Any:
        known = self._types.get(variable)
        if not isinstance(known, Number):
            raise UnsupportedError(
                f"{variable} is no number, and lives on after a barrier: such a kernel isn't split for a CPU"
            )
        return as_dtype(known.kind)

    def _arrays(self, kept: dict[str, Any]) -> list[ast.stmt]:
        threads = product("_blockDim_x", "_blockDim_y", "_blockDim_z")
        empty = self._rewriter.given("np_empty", np.empty)
        return [
            ast.Assign(
                [stored(f"{variable}_of_all")],
                ast.Call(empty, [threads, self._rewriter.given(f"dtype_{dtype}", dtype)], []),
            )
            for variable, dtype in kept.items()
        ]

    def _finished(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The structure with its loops over the threads filled in."""
        made = list[ast.stmt]()
        for statement in body:
            for part in ("body", "orelse"):
                if getattr(statement, part, None):
                    setattr(statement, part, self._finished(getattr(statement, part)))
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                made.append(all_threads(self._segments[int(str(statement.value.value))].body))
            else:
                made.append(statement)
        return made


class _Segment:
    """Statements between two barriers; `repeated` if a loop with a barrier comes back to them."""

    def __init__(self, body: list[ast.stmt], repeated: bool) -> None:
        self.body, self._repeated = body, repeated
        for node in self._nodes():
            if isinstance(node, ast.Return):
                raise UnsupportedError(
                    f"a thread returns before others reach a barrier (line {node.lineno}): "
                    "such a kernel isn't split for a CPU"
                )

    def _nodes(self) -> Iterator[ast.AST]:
        return (node for statement in self.body for node in ast.walk(statement))

    def names(self) -> set[str]:
        """All names in it."""
        return {node.id for node in self._nodes() if isinstance(node, ast.Name)}

    def sets(self) -> set[str]:
        """The variables it sets."""
        return {n.id for n in self._nodes() if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

    def carries(self, variable: str) -> bool:
        """Whether a value of the variable may come from the round before."""
        first = next(s for s in self.body if any(_is(node, variable) for node in ast.walk(s)))
        fresh = isinstance(first, ast.Assign) and not any(_is(n, variable) for n in ast.walk(first.value))
        return self._repeated and not fresh


def _is(node: ast.AST, variable: str) -> bool:
    return isinstance(node, ast.Name) and node.id == variable


class _Apart(ast.NodeTransformer):
    """A variable that is kept becomes an element of an array: its thread's."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable."""
        if node.id not in self._kept:
            return node
        return ast.Subscript(name(f"{node.id}_of_all"), name("_thread"), node.ctx)


def _decides(statement: ast.stmt) -> ast.expr | None:
    """What a statement decides by."""
    if isinstance(statement, ast.For):
        return statement.iter
    return statement.test if isinstance(statement, (ast.If, ast.While)) else None


def _leaves(statement: ast.stmt) -> bool:
    """Whether it leaves a loop around it."""
    if isinstance(statement, ast.Break | ast.Continue):
        return True
    return isinstance(statement, ast.If) and any(
        _leaves(part) for part in (*statement.body, *statement.orelse)
    )


def _targets(statement: ast.stmt) -> set[str]:
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    nodes = (node for target in targets if target is not None for node in ast.walk(target))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
