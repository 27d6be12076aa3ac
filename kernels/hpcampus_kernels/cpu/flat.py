"""Statements in which threads meet, one at a time: device functions opened, expressions taken apart."""

import ast
from collections.abc import Callable, Iterator
from types import FunctionType

from hpcampus_kernels.cpu.collectives import OPERATIONS, Collective
from hpcampus_kernels.cpu.rewrite import Meeting
from hpcampus_kernels.cpu.trees import LocalArray, assigned, name, parsed, stored
from hpcampus_kernels.simulator.values import UnsupportedError

# Parts of an expression that are computed only sometimes.
SOMETIMES = ast.BoolOp | ast.IfExp | ast.ListComp | ast.GeneratorExp | ast.Lambda
Opened = Callable[[FunctionType], tuple[ast.FunctionDef, set[str], dict[str, ast.expr]]]


def meets(node: ast.AST) -> bool:
    """Whether threads meet in it."""
    return any(isinstance(part, Meeting) for part in ast.walk(node))


class Flattener:
    """Makes such statements of a kernel whose names are a CPU's.

    `opened` gives the rewritten tree of a device function, its variables, and the defaults of its parameters.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened, self._count = opened, 0
        # Variables that belong to each thread, because the threads give or get them.
        self.own: set[str] = set()

    def flat(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements."""
        return [made for statement in body for made in self._statement(statement)]

    def _statement(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        if not meets(statement):
            yield from _with_arrays_alone(statement)
            return
        before = list[ast.stmt]()
        if isinstance(statement, ast.If | ast.While | ast.For):
            statement = self._compound(statement, before)
        else:
            statement = self._simple(statement, before)
        yield from before
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name | ast.Constant)):
            yield statement

    def _compound(self, statement: ast.If | ast.While | ast.For, before: list[ast.stmt]) -> ast.stmt:
        if isinstance(statement, ast.For):
            statement.iter = self._lifted(statement.iter, before)
        elif isinstance(statement, ast.If):
            statement.test = self._lifted(statement.test, before)
        elif meets(statement.test):
            self._no_else(statement)
            stop = ast.If(ast.UnaryOp(ast.Not(), statement.test), [ast.Break()], [])
            statement.test, statement.body = ast.Constant(True), [stop, *statement.body]
        statement.body, statement.orelse = self.flat(statement.body), self.flat(statement.orelse)
        return statement

    def _simple(self, statement: ast.stmt, before: list[ast.stmt]) -> ast.stmt:
        if isinstance(statement, ast.AugAssign):
            statement = self._apart(statement, before)
        if isinstance(statement, ast.Assign | ast.Return | ast.Expr) and statement.value is not None:
            statement.value = self._lifted(statement.value, before)
        if isinstance(statement, ast.Assign):
            statement.targets = [self._lifted(target, before) for target in statement.targets]
        return statement

    @staticmethod
    def _no_else(statement: ast.While) -> None:
        if statement.orelse:
            raise UnsupportedError(
                f"line {statement.lineno} has an `else` after a loop: a kernel with barriers can't"
            )

    def _apart(self, statement: ast.AugAssign, before: list[ast.stmt]) -> ast.stmt:
        """x op= y as x = x op y: the old value is read before the threads meet."""
        target = statement.target
        old: ast.expr = name(target.id) if isinstance(target, ast.Name) else self._kept(_read(target), before)
        value = self._lifted(statement.value, before)
        return ast.copy_location(ast.Assign([target], ast.BinOp(old, statement.op, value)), statement)

    def _lifted(self, node: ast.expr, before: list[ast.stmt]) -> ast.expr:
        """The expression when the threads have met: what it needs of that stands `before` it."""
        if not meets(node):
            return node
        if isinstance(node, ast.IfExp) and not meets(node.body) and not meets(node.orelse):
            node.test = self._lifted(node.test, before)
            return node
        if isinstance(node, SOMETIMES):
            raise UnsupportedError(
                f"line {node.lineno} has a barrier, or what threads do together, in a part of an expression "
                "that is only sometimes computed: such a kernel isn't split for a CPU"
            )
        self._parts(node, before)
        if not isinstance(node, Meeting):
            return node
        return self._open(node, before) if node.original else self._collective(node, before)

    def _parts(self, node: ast.AST, before: list[ast.stmt]) -> None:
        """Takes the parts of a node apart, in the order in which they are computed."""
        parts = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr | ast.keyword)]
        last = max((place for place, part in enumerate(parts) if meets(part)), default=-1)
        changed = dict[int, ast.AST]()
        for place, part in enumerate(parts):
            if isinstance(part, ast.keyword):
                part.value = self._lifted(part.value, before)
            elif meets(part):
                changed[id(part)] = self._lifted(part, before)
            elif place < last and any(
                isinstance(inner, ast.Subscript | ast.Call) for inner in ast.walk(part)
            ):
                changed[id(part)] = self._kept(part, before)
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [changed.get(id(one), one) for one in value]
            elif id(value) in changed:
                setattr(node, field, changed[id(value)])

    def _new(self, text: str) -> str:
        self._count += 1
        return f"_{text}_{self._count}"

    def _kept(self, value: ast.expr, before: list[ast.stmt]) -> ast.Name:
        kept = self._new("kept")
        before.append(assigned(kept, value))
        return name(kept)

    def _collective(self, node: Meeting, before: list[ast.stmt]) -> ast.expr:
        operation = OPERATIONS[node.operation]
        gives = [self._kept(argument, before) for argument in node.args]
        gets = [self._new("got") for _ in range(operation.outputs)]
        before.append(Collective(node.operation, [stored(one) for one in gets], list(gives), node.lineno))
        self.own |= {*gets, *(one.id for one in gives)}
        if len(gets) == 1:
            return name(gets[0])
        return ast.Tuple([name(one) for one in gets], ast.Load()) if gets else ast.Constant(None)

    def _open(self, node: Meeting, before: list[ast.stmt]) -> ast.expr:
        """The body of a device function in place of its call."""
        assert node.original is not None
        tree, variables, defaults = self._opened(node.original)
        suffix = self._new(node.original.__name__)
        changed = {stored for part in ast.walk(tree) if (stored := _stored(part))}
        parameters = [argument.arg for argument in tree.args.args]
        given = {**defaults, **dict(zip(parameters, node.args, strict=False))}
        given.update({keyword.arg or "": keyword.value for keyword in node.keywords})
        renamed = dict[str, ast.expr]()
        for parameter in parameters:
            # A name, such as that of an array, keeps its meaning; of a value, the function gets a copy.
            if not isinstance(given[parameter], ast.Name | ast.Constant) or parameter in changed:
                before.append(assigned(f"{parameter}{suffix}", given[parameter]))
            else:
                renamed[parameter] = given[parameter]
        rename = _Renamed(variables, renamed, suffix)
        body = [rename.visit(statement) for statement in tree.body]
        returned = body.pop() if body and isinstance(body[-1], ast.Return) else ast.Return(None)
        if any(isinstance(part, ast.Return) for statement in body for part in ast.walk(statement)):
            raise UnsupportedError(
                f"{node.original.__name__} returns before its end, and has a barrier, or what threads do "
                "together: such a function isn't split for a CPU"
            )
        before += self.flat(body)
        if returned.value is None:
            return ast.Constant(None)
        value = self._lifted(returned.value, before)
        if isinstance(value, ast.Tuple):
            return ast.Tuple([self._kept(one, before) for one in value.elts], ast.Load())
        return self._kept(value, before)


class _Renamed(ast.NodeTransformer):
    """The variables of a function, apart from those of its caller."""

    def __init__(self, variables: set[str], known: dict[str, ast.expr], suffix: str) -> None:
        self._variables, self._known, self._suffix = variables, known, suffix

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A variable."""
        if node.id in self._known:
            return self._known[node.id]
        return ast.Name(f"{node.id}{self._suffix}", node.ctx) if node.id in self._variables else node


def _with_arrays_alone(statement: ast.stmt) -> Iterator[ast.stmt]:
    """A statement with nothing for the threads to meet at; local arrays are declared one by one."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    for field in ("body", "orelse"):
        if block := getattr(statement, field, None):
            setattr(
                statement,
                field,
                [made for inner in block for made in _with_arrays_alone(inner)] or [ast.Pass()],
            )
    value, target = getattr(statement, "value", None), getattr(statement, "targets", [None])[0]
    values = value.elts if isinstance(value, ast.Tuple) else []
    if any(isinstance(one, LocalArray) for one in values) and isinstance(target, ast.Tuple):
        for one, other in zip(target.elts, values, strict=True):
            yield ast.copy_location(ast.Assign([one], other), statement)
    else:
        yield statement


def _stored(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def _read(target: ast.expr) -> ast.expr:
    """A target, to be read."""
    return parsed(ast.unparse(target))
