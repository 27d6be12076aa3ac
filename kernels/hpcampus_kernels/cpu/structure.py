"""What a block does, as loops over its threads with what they do together in between.

Where all threads go the same way, an `if` or a loop stays one. Where they may not, each thread has a mask: it
says whether the thread takes part, and the way ends when none does any more. (Loop fission of Stratton, Stone
and Hwu, MCUDA, 2008; masks as in Karrenberg and Hack, Whole-Function Vectorization, 2011.)
"""

import ast
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpcampus_kernels.cpu import warps
from hpcampus_kernels.cpu.collectives import OPERATIONS, Collective
from hpcampus_kernels.cpu.rewrite import Unit
from hpcampus_kernels.cpu.trees import name, statements, stored
from hpcampus_kernels.cpu.variables import Alike, inside, is_range, leaves, parts, reads, stores, strides
from hpcampus_kernels.simulator.values import UnsupportedError

EVERYONE = "_everyone"


class Segment(ast.stmt):
    """Statements that each thread does by itself, if its mask says so."""

    def __init__(self, body: list[ast.stmt], mask: str | None) -> None:
        super().__init__()
        self.body, self.mask = body, mask


@dataclass(frozen=True)
class Way:
    """Where statements stand: the mask of who does them, and which masks a thread clears that leaves.

    None for a break or continue that all threads do together.
    """

    mask: str | None
    clears: Mapping[type[ast.stmt], tuple[str, ...] | None]

    def inner(self) -> "Way":
        """The same in one more loop, which its own break and continue leave."""
        return replace(self, clears={**self.clears, ast.Break: None, ast.Continue: None})

    def under(self, mask: str, *kinds: type[ast.stmt]) -> "Way":
        """The same below one more mask, which all these ways to leave clear."""
        clears = {
            kind: (*(old or ()), mask) if kind in kinds or old else old for kind, old in self.clears.items()
        }
        return replace(self, mask=mask, clears=clears)


class Structure:
    """Makes it. `masks` and `numbers` are the variables of each thread that it adds: truths and integers."""

    def __init__(self, alike: Alike, unit: Unit, returns: bool) -> None:
        self._alike, self._unit = alike, unit
        self.segments: list[Segment] = []
        self.sites: list[Collective] = []
        self.added: dict[str, Any] = {}
        self._base = self._new("on", np.bool_) if returns else None

    def _new(self, text: str, kind: Any) -> str:
        made = f"_{text}_{len(self.added)}"
        self.added[made] = np.dtype(kind)
        return made

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements of a block."""
        clears = {ast.Return: (self._base,) if self._base else None, ast.Break: None, ast.Continue: None}
        begin = self._each(f"{self._base} = True") if self._base else []
        return [*begin, *self._made(body, Way(self._base, clears))]

    def _each(self, text: str, mask: str | None = None) -> list[ast.stmt]:
        return [self._segment(statements(text), mask)]

    def _segment(self, body: list[ast.stmt], mask: str | None) -> Segment:
        self.segments.append(Segment(body, mask))
        return self.segments[-1]

    def _made(self, body: list[ast.stmt], way: Way) -> list[ast.stmt]:
        made, waiting = list[ast.stmt](), list[ast.stmt]()

        def close() -> None:
            if waiting:
                made.append(self._segment(list(waiting), way.mask))
                waiting.clear()

        for statement in body:
            if self._splits(statement, way):
                close()
                made += self._split(statement, way)
            elif self._alike.for_all(statement):
                if any(stores([statement]) & (reads(other) | stores([other])) for other in waiting):
                    close()
                made.append(statement)
            else:
                waiting += _left([statement], way)
        close()
        return made or [ast.Pass()]

    def _splits(self, statement: ast.stmt, way: Way) -> bool:
        """Whether it can't be left to each thread."""
        if isinstance(statement, Collective):
            return True
        if isinstance(statement, ast.Break | ast.Continue):
            return way.clears[type(statement)] is None
        if not isinstance(statement, ast.If | ast.For | ast.While):
            return False
        loop = not isinstance(statement, ast.If)
        return (
            inside([statement], Collective)
            or _returns(statement)
            or self._strides(statement)
            or (not loop and leaves([statement]) and way.clears[ast.Break] is None)
        )

    def _strides(self, loop: ast.stmt) -> bool:
        """Whether threads go through an array together: in step, they touch what lies together."""
        if not isinstance(loop, ast.For) or not strides(loop):
            return False
        start, stop, step = loop.iter.args  # type: ignore[attr-defined]
        return not self._alike.same(start) and self._alike.same(stop) and self._alike.same(step)

    def _split(self, statement: ast.stmt, way: Way) -> list[ast.stmt]:
        if isinstance(statement, Collective):
            return self._collective(statement, way)
        if isinstance(statement, ast.If):
            return (
                self._if_apart(statement, way) if self._alike.apart(statement) else [self._if(statement, way)]
            )
        if isinstance(statement, ast.For | ast.While):
            if not self._alike.apart(statement):
                return [self._loop(statement, way)]
            if statement.orelse:
                raise UnsupportedError(
                    f"line {statement.lineno}: an `else` after a loop isn't split for a CPU"
                )
            apart = self._for_apart if isinstance(statement, ast.For) else self._while_apart
            return apart(statement, way)  # type: ignore[arg-type]
        return [statement]

    def _collective(self, statement: Collective, way: Way) -> list[ast.stmt]:
        if statement.operation == "syncthreads" and way.mask is None:
            return []
        function = self._unit.given(statement.operation, OPERATIONS[statement.operation].run)
        self.sites.append(statement)
        given = [name(f"{one.id}_of_all") for one in (*statement.arguments, *statement.targets)]  # type: ignore[attr-defined]
        on = name(f"{way.mask}_of_all" if way.mask else EVERYONE)
        note = ast.Tuple([name("_failed"), ast.Constant(len(self.sites) - 1)], ast.Load())
        return [ast.Expr(ast.Call(function, [on, *given, note], []))]

    # All threads go the same way.

    def _if(self, statement: ast.If, way: Way) -> ast.stmt:
        orelse = self._made(statement.orelse, way) if statement.orelse else []
        return ast.If(statement.test, self._made(statement.body, way), orelse)

    def _loop(self, statement: ast.For | ast.While, way: Way) -> ast.stmt:
        body = self._made(statement.body, way.inner())
        orelse = self._made(statement.orelse, way) if statement.orelse else []
        if isinstance(statement, ast.For):
            return ast.For(statement.target, statement.iter, body, orelse)
        return ast.While(statement.test, body, orelse)

    # Each thread may go its own.

    def _if_apart(self, statement: ast.If, way: Way) -> list[ast.stmt]:
        yes, no = self._new("on", np.bool_), self._new("on", np.bool_)
        test = [_assign(yes, statement.test), *statements(f"{no} = not {yes}")]
        made = [*self._each(f"{yes} = {no} = False"), self._segment(test, way.mask)]
        made += self._made(statement.body, way.under(yes))
        return [*made, *self._made(statement.orelse, way.under(no))] if statement.orelse else made

    def _while_apart(self, statement: ast.While, way: Way) -> list[ast.stmt]:
        loop, on = self._new("on", np.bool_), self._new("on", np.bool_)
        again = self._segment([_assign(loop, statement.test)], loop)
        within = way.inner().under(loop, ast.Break).under(on, ast.Break, ast.Continue)
        body = [
            again,
            ast.If(ast.UnaryOp(ast.Not(), self._any(loop)), [ast.Break()], []),
            *self._each(f"{on} = {loop}"),
            *self._made(statement.body, within),
        ]
        return [*self._each(f"{loop} = {way.mask or True}"), ast.While(ast.Constant(True), body, [])]

    def _for_apart(self, statement: ast.For, way: Way) -> list[ast.stmt]:
        if not is_range(statement.iter):
            raise UnsupportedError(
                f"line {statement.lineno} goes over something else than a range, and has a barrier, or what "
                "threads do together: such a loop isn't split for a CPU"
            )
        rounds, on = self._new("rounds", np.int64), self._new("on", np.bool_)
        given = [ast.Constant(0), *statement.iter.args, ast.Constant(1)]  # type: ignore[attr-defined]
        start, stop, step = given if len(statement.iter.args) == 1 else given[1:4]  # type: ignore[attr-defined]
        first, by = self._new("first", np.int64), self._new("by", np.int64)
        count = ast.Call(name("len"), [ast.Call(name("range"), [name(first), stop, name(by)], [])], [])
        begin = self._segment([_assign(first, start), _assign(by, step), _assign(rounds, count)], way.mask)
        number = f"_round_{len(self.added)}"
        place = statements(f"_ = {first} + {number} * {by}")[0].value  # type: ignore[attr-defined]
        within = way.inner().under(rounds, ast.Break).under(on, ast.Break, ast.Continue)
        body = [
            *self._each(f"{on} = {number} < {rounds}"),
            *self._made([ast.Assign([statement.target], place), *statement.body], within),
        ]
        most = ast.Call(self._unit.given("most", warps.most), [name(f"{rounds}_of_all")], [])
        loop = ast.For(stored(number), ast.Call(name("range"), [most], []), body, [])
        return [*self._each(f"{rounds} = 0"), begin, loop]

    def _any(self, mask: str) -> ast.expr:
        return ast.Call(self._unit.given("any_on", warps.any_on), [name(f"{mask}_of_all")], [])


def _returns(statement: ast.stmt) -> bool:
    """Whether a loop in it has a return."""
    if isinstance(statement, ast.For | ast.While):
        return inside([statement], ast.Return)
    return any(_returns(part) for block in parts(statement) for part in block)


def _assign(target: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([stored(target)], deepcopy(value))


def _left(body: list[ast.stmt], way: Way) -> list[ast.stmt]:
    """A thread that leaves clears its masks, and the loop over the threads goes on with the next one.

    Loops in the body are loops of one thread: their breaks are their own, and they have no return.
    """
    made = list[ast.stmt]()
    for statement in body:
        masks = way.clears.get(type(statement))
        if masks is not None:
            made += [
                *(cleared for mask in masks for cleared in statements(f"{mask} = False")),
                ast.Continue(),
            ]
            continue
        if isinstance(statement, ast.If):
            statement.body, statement.orelse = _left(statement.body, way), _left(statement.orelse, way)
        made.append(statement)
    return made
