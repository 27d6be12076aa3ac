"""What is known of the variables of a kernel: who sets them, who reads them first, which are shared."""

import ast
from collections.abc import Iterable, Iterator

from hpcampus_kernels.cpu.collectives import Collective
from hpcampus_kernels.cpu.trees import LocalArray

Loop = ast.For | ast.While
Compound = ast.For | ast.While | ast.If


def stores(nodes: Iterable[ast.AST]) -> set[str]:
    """The variables that these set."""
    found = set[str]()
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found.add(part.id)
    return found


def reads(node: ast.AST) -> set[str]:
    """The names that it reads."""
    return {
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def decides(statement: ast.stmt) -> ast.expr | None:
    """What a statement decides by."""
    if isinstance(statement, ast.For):
        return statement.iter
    return statement.test if isinstance(statement, ast.If | ast.While) else None


def parts(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The blocks in a statement."""
    return [block for field in ("body", "orelse") if (block := getattr(statement, field, None))]


def inside(body: list[ast.stmt], kinds: type | tuple[type, ...]) -> bool:
    """Whether there is a statement of that kind, at any depth."""
    return any(
        isinstance(statement, kinds) or any(inside(block, kinds) for block in parts(statement))
        for statement in body
    )


def leaves(body: list[ast.stmt]) -> bool:
    """Whether a break or continue in it belongs to the loop around it."""
    return any(
        isinstance(statement, ast.Break | ast.Continue)
        or (isinstance(statement, ast.If) and any(leaves(block) for block in parts(statement)))
        for statement in body
    )


def is_range(node: ast.expr) -> bool:
    """Whether it is a call of `range`, as a kernel or the rewritten kernel has it."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("range", "_range")
    )


def strides(loop: ast.For) -> bool:
    """Whether it takes steps of a length that isn't written there, round by round to the end."""
    given = loop.iter.args if isinstance(loop.iter, ast.Call) and is_range(loop.iter) else []
    return len(given) == 3 and not isinstance(given[2], ast.Constant | ast.UnaryOp) and not leaves(loop.body)


def exposed(body: list[ast.stmt]) -> set[str]:
    """The names that may be read before these statements set them."""
    return _exposed(body, set())[0]


def _exposed(body: list[ast.stmt], known: set[str]) -> tuple[set[str], set[str]]:
    """The names that may be read first, and those that are set at the end; `known` are at the start."""
    found, known = set[str](), set(known)
    for statement in body:
        if isinstance(statement, ast.For):
            found |= reads(statement.iter) - known
            found |= _exposed(statement.body, known | stores([statement.target]))[0]
            found |= _exposed(statement.orelse, known)[0]
        elif isinstance(statement, ast.While):
            found |= reads(statement.test) - known
            found |= _exposed(statement.body, known)[0] | _exposed(statement.orelse, known)[0]
        elif isinstance(statement, ast.If):
            found |= reads(statement.test) - known
            ways = [_exposed(block, known) for block in (statement.body, statement.orelse)]
            found |= ways[0][0] | ways[1][0]
            ends = [
                way[1]
                for way, block in zip(ways, (statement.body, statement.orelse), strict=True)
                if not _ends(block)
            ]
            known = set.intersection(*ends) if ends else known
        else:
            found |= reads(statement) - known
            if isinstance(statement, ast.AugAssign):
                found |= stores([statement.target]) - known
            known |= stores([statement])
    return found, known


def _ends(block: list[ast.stmt]) -> bool:
    return bool(block) and isinstance(block[-1], ast.Return | ast.Break | ast.Continue)


class Alike:
    """Which variables are the same for all threads of a block, or none of them need be: see `names`.

    `varying` are the names of functions whose result differs from thread to thread, or that must be called
    once for each. `own` are variables that belong to each thread anyway.
    """

    def __init__(self, body: list[ast.stmt], variables: set[str], varying: set[str], own: set[str]) -> None:
        self._variables, self._varying = variables, varying
        self.names = variables - own
        while differing := set(self._differing(body, False)) & self.names:
            self.names -= differing

    def same(self, node: ast.expr) -> bool:
        """Whether an expression is the same for all threads: no index, no element of an array."""
        return all(self._same(part) for part in ast.walk(node))

    def _same(self, part: ast.AST) -> bool:
        if isinstance(part, ast.Name):
            if part.id in self._varying or part.id.startswith("_threadIdx"):
                return False
            return part.id not in self._variables or part.id in self.names
        if isinstance(part, ast.Subscript):
            return _extent(part.value) or _view(part.slice)
        return not isinstance(part, LocalArray)

    def strays(self, loop: Loop) -> bool:
        """Whether some threads may leave a loop, or a round of it, before others."""
        return self._strays(loop.body, False, False)

    def _strays(self, body: list[ast.stmt], varying: bool, nested: bool) -> bool:
        for statement in body:
            if isinstance(statement, ast.Return):
                return True
            if isinstance(statement, ast.Break | ast.Continue) and varying and not nested:
                return True
            test = decides(statement)
            here = varying or (test is not None and not self.same(test))
            deeper = nested or isinstance(statement, Loop)
            if any(self._strays(block, here, deeper) for block in parts(statement)):
                return True
        return False

    def apart(self, statement: ast.stmt) -> bool:
        """Whether the threads may go different ways in an `if` or a loop."""
        test = decides(statement)
        if test is None or not self.same(test):
            return test is not None
        own = isinstance(statement, ast.For) and not stores([statement.target]) <= self.names
        return own or (isinstance(statement, Loop) and self.strays(statement))

    def _differing(self, body: list[ast.stmt], varying: bool) -> Iterator[str]:
        for statement in body:
            here = varying or self.apart(statement)
            value = getattr(statement, "value", None)
            if (
                here
                or isinstance(statement, Collective)
                or (isinstance(value, ast.expr) and not self.same(value))
            ):
                yield from stores(
                    [statement.target] if isinstance(statement, ast.For) else _targets(statement)
                )
            for block in parts(statement):
                yield from self._differing(block, here)

    def for_all(self, statement: ast.stmt) -> bool:
        """Whether a statement is one for the block: it sets variables that are the same for all."""
        if not isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign):
            return False
        targets = _targets(statement)
        inner = [part for target in targets for part in ast.walk(target)]
        elements = any(isinstance(part, ast.Subscript | ast.Attribute) for part in inner)
        return not elements and stores(targets) <= self.names


def _extent(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("shape", "strides")


def _view(index: ast.expr) -> bool:
    """Whether an index gives a part of an array, not an element."""
    each = index.elts if isinstance(index, ast.Tuple) else [index]
    return any(isinstance(one, ast.Slice) for one in each)


def _targets(statement: ast.stmt) -> list[ast.expr]:
    if isinstance(statement, Compound):
        return []
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return [target for target in targets if target is not None]
