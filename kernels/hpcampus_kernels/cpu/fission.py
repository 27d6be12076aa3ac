"""A kernel as a function for one block: its statements as `structure` orders them, and the memory they need.

A variable that the threads share stays one. One of each thread that lives on from one loop over the threads
to another becomes an array with an element for each thread, of the type that Numba gives it.
"""

import ast
from collections.abc import Callable, Iterable
from copy import deepcopy
from types import FunctionType
from typing import Any, NamedTuple

from numba import types

from hpcampus_kernels.cpu.collectives import OPERATIONS, Collective
from hpcampus_kernels.cpu.device import PLACES, SIZES
from hpcampus_kernels.cpu.flat import Flattener
from hpcampus_kernels.cpu.inference import inferred, one_type
from hpcampus_kernels.cpu.names import Names, meet
from hpcampus_kernels.cpu.rewrite import Rewriter, Unit
from hpcampus_kernels.cpu.structure import EVERYONE, Segment, Structure
from hpcampus_kernels.cpu.trees import (
    DYNAMIC,
    LocalArray,
    all_threads,
    assigned,
    function,
    name,
    parsed,
    statements,
)
from hpcampus_kernels.cpu.variables import Alike, exposed, inside, parts, stores, strides

THREADS = "_threads"
Translate = Callable[[FunctionType], tuple[Any, bool]]


class Split(NamedTuple):
    """What a block does, with its globals; `sites` are the places where its threads meet."""

    body: list[ast.stmt]
    parameters: list[str]
    globals: dict[str, Any]
    atomics: bool
    sites: list[Collective]


def gains(original: FunctionType) -> bool:
    """Whether a kernel without barriers is faster split: threads go in step through a loop that strides."""
    tree = Names(original).tree
    loops = [part for part in tree.body if isinstance(part, ast.For) and strides(part)]
    return bool(loops) and not any(inside(part.body, ast.Return) for part in loops)


class Fission:
    """Splits one kernel; `body` is for one combination of types."""

    def __init__(self, original: FunctionType, translate: Translate) -> None:
        self.unit, self._translate = Unit(), translate
        tree, variables, _ = self._opened(original)
        self.parameters = [argument.arg for argument in tree.args.args]
        flattener = Flattener(self._opened)
        self._flat = _without_last_return(flattener.flat(tree.body))
        changed = stores(self._flat).intersection(self.parameters)
        # A parameter that is assigned to is a variable of the kernel, with a value from outside.
        self._flat[:0] = [assigned(text, name(f"{text}_given")) for text in sorted(changed)]
        self.parameters = [f"{text}_given" if text in changed else text for text in self.parameters]
        self._variables, self._own = variables | stores(self._flat) | flattener.own, flattener.own

    def _opened(self, original: FunctionType) -> tuple[ast.FunctionDef, set[str], dict[str, ast.expr]]:
        names = Names(original)
        tree = deepcopy(names.tree)
        rewriter = Rewriter(names, self.unit, self._translate, meet)
        tree.body = [rewriter.visit(statement) for statement in tree.body]
        given = [argument.arg for argument in tree.args.args][::-1]
        defaults = zip(given, reversed(original.__defaults__ or ()), strict=False)
        return tree, names.locals, {text: self.unit.given(text, value) for text, value in defaults}

    def split(self, arguments: Iterable[Any]) -> Split:
        """What a block does, for arguments of these types."""
        found = inferred(self._thread(), [*[types.int64] * 12, types.Array(types.uint8, 1, "C"), *arguments])
        own = set(self._own)
        while True:
            alike = Alike(self._flat, self._variables, self.unit.varying, own)
            structure = Structure(alike, self.unit, inside(self._flat, ast.Return))
            made = structure.block(deepcopy(self._flat))
            # A variable that a loop over the threads sets is a thread's own.
            more = alike.names & stores(part for segment in structure.segments for part in segment.body)
            if not more:
                break
            own |= more
        memory = _Memory(self.unit, found, structure, self._variables - alike.names)
        body = [*self._begin(), *memory.arrays, *memory.finished(made)]
        return Split(body, self.parameters, self.unit.globals, self.unit.atomics, structure.sites)

    def _begin(self) -> list[ast.stmt]:
        threads = "_blockDim_x * _blockDim_y * _blockDim_z"
        text = f"{THREADS} = {threads}\n{EVERYONE} = np.ones({THREADS}, np.bool_)\n"
        return [*statements(text), *self._shared()]

    def _shared(self) -> list[ast.stmt]:
        dynamic = statements(f"{DYNAMIC} = np.empty(_dynamic, np.uint8)")
        return [*dynamic, *(assigned(text, made) for text, made in self.unit.shared.values())]

    def _thread(self) -> FunctionType:
        """What one thread does, for the types of its variables."""
        body = [_Alone(self.unit).visit(statement) for statement in deepcopy(self._flat)]
        parameters = [*SIZES, *PLACES, DYNAMIC, *self.parameters]
        made: FunctionType = function("thread", parameters, [*self._shared()[1:], *body], self.unit.globals)
        return made


def _without_last_return(body: list[ast.stmt]) -> list[ast.stmt]:
    return body[:-1] if body and isinstance(body[-1], ast.Return) else body


class _Alone(ast.NodeTransformer):
    """What threads do together as one thread sees it: it gives, and it gets."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    def visit_Collective(self, node: Collective) -> ast.stmt:
        """What a thread gets."""
        alone = self._unit.given(f"{node.operation}_alone", OPERATIONS[node.operation].alone)
        call = ast.Call(alone, node.arguments, [])
        if not node.targets:
            return ast.Expr(call)
        return ast.Assign(
            [node.targets[0] if len(node.targets) == 1 else ast.Tuple(node.targets, ast.Store())], call
        )


class _Memory:
    """The arrays that hold a variable for each thread, and the statements with these in its place."""

    def __init__(self, unit: Unit, found: dict[str, set[Any]], structure: Structure, own: set[str]) -> None:
        self._unit = unit
        bodies = [segment.body for segment in structure.segments]
        self._local = {
            statement.targets[0].id: statement.value
            for body in bodies
            for statement in _all(body)
            if isinstance(statement, ast.Assign) and isinstance(statement.value, LocalArray)
            and isinstance(statement.targets[0], ast.Name)
        }  # fmt: skip
        kept = set.union(*(exposed(body) for body in bodies), set()) & own - set(self._local)
        kept |= {variable for site in structure.sites for variable in site.names()}
        types_of = {v: one_type(v, found.get(v, {types.int64})) for v in sorted(kept)} | structure.added
        self._kept = {*types_of, *self._local}
        self.arrays = [self._array(v, name(THREADS), unit.given(f"type_{t}", t)) for v, t in types_of.items()]
        for variable, made in self._local.items():
            shape, dtype = made.args
            extents = shape.elts if isinstance(shape, ast.Tuple) else [shape]
            whole = ast.Tuple([name(THREADS), *extents], ast.Load())
            self.arrays.append(self._array(variable, whole, dtype))

    def _array(self, variable: str, shape: ast.expr, dtype: ast.expr) -> ast.stmt:
        return assigned(f"{variable}_of_all", ast.Call(parsed("np.empty"), [shape, dtype], []))

    def finished(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The structure with its loops over the threads filled in."""
        made = list[ast.stmt]()
        for statement in body:
            if isinstance(statement, Segment):
                made.append(self._loop(statement))
                continue
            for field in ("body", "orelse"):
                if block := getattr(statement, field, None):
                    setattr(statement, field, self.finished(block))
            made.append(statement)
        return made

    def _loop(self, segment: Segment) -> ast.stmt:
        apart = _Apart(self._kept, set(self._local))
        body = [made for statement in segment.body if (made := apart.visit(statement)) is not None]
        if segment.mask:
            body = [ast.If(apart.visit(name(segment.mask)), body or [ast.Pass()], [])]
        return all_threads(body or [ast.Pass()])


def _all(body: list[ast.stmt]) -> Iterable[ast.stmt]:
    for statement in body:
        yield statement
        for block in parts(statement):
            yield from _all(block)


class _Apart(ast.NodeTransformer):
    """A variable that is kept becomes an element of an array: its thread's."""

    def __init__(self, kept: set[str], local: set[str]) -> None:
        self._kept, self._local = kept, local

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Local arrays are there already."""
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in self._local:
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """An element of a local array."""
        if isinstance(node.value, ast.Name) and node.value.id in self._local:
            index = self.visit(node.slice)
            each = index.elts if isinstance(index, ast.Tuple) else [index]
            row = ast.Tuple([name("_thread"), *each], ast.Load())
            return ast.Subscript(name(f"{node.value.id}_of_all"), row, node.ctx)
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable."""
        if node.id not in self._kept:
            return node
        return ast.Subscript(name(f"{node.id}_of_all"), name("_thread"), node.ctx)
