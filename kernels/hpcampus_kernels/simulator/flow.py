"""Branches and loops, and what each variable is where their ways meet.

Numba gives a type to each assignment of a variable, not to the variable (static single assignment [Cytron et
al. 1991]). Only where two ways meet, after an `if` or at the head of a loop, does it have one type for both:
the one that both fit in. Here, too: each way ends with the conversions that it needs.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from numba import types

from hpcampus_kernels.simulator.calls import Calls
from hpcampus_kernels.simulator.expressions import Typed, call, load, store
from hpcampus_kernels.simulator.log import BRANCH
from hpcampus_kernels.simulator.static import Array, Known, Number, Static, joined, met

# After so many rounds, an integer that still grows is taken to need all 64 bits.
ROUNDS = 4
# In so many rounds something of which nothing is known may only be not known yet.
EARLY = 2

Variables = dict[str, Static]
Place = tuple[ast.stmt, str]


class Flow(Calls):
    """The part of a translator that knows where a thread may go.

    `types` has the variables here, and `ways` those at the head and the exit of each loop, as far as they
    were found in the rounds so far. `ended` says that no way leads here.
    """

    ways: dict[Place, Variables]
    zeros: set[str]
    loops: list[ast.stmt]
    gathered: Counter[int] | None
    ended: bool
    round: int
    changed: bool
    waits: bool
    atomics: int

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Statements one after the other."""
        raise NotImplementedError

    def simple(self, line: int, made: list[ast.stmt]) -> list[ast.stmt]:
        """Statements that run as one, after their operations were counted."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Typed) -> list[ast.stmt]:
        """Gives a value to a name, an element, or several of them."""
        raise NotImplementedError

    def _to(self, place: Place) -> list[ast.stmt]:
        """A way leads from here to that place: what it brings, and the conversions that it needs."""
        there = self.ways.setdefault(place, {})
        for name, kind in self.types.items():
            wider = met(there[name], kind) if name in there else kind
            if wider is None and self.round < EARLY:
                continue
            if isinstance(wider, Number) and self.round >= ROUNDS and wider != there.get(name, wider):
                wider = Number(wider.kind)
            self.changed |= name not in there or wider != there[name]
            there[name] = wider
        return self._converted_to(there)

    def _converted_to(self, there: Variables) -> list[ast.stmt]:
        made = list[ast.stmt]()
        for name, kind in self.types.items():
            node = self.convert((load(name), kind), there.get(name))
            if not isinstance(node, ast.Name):
                # Perhaps nothing was assigned to it on this way; then it is 0, as in Numba.
                self.zeros.add(name)
                made.append(ast.Assign([store(name)], node))
        return made

    def _tested(self, test: ast.expr) -> ast.expr:
        made, _ = self.conditional(test)
        if not self.converter.counting:
            return made
        return call(self.given(self.converter.branch), self.site(test, BRANCH), made)

    def _on_if(self, node: ast.If) -> list[ast.stmt]:
        test, before = self._tested(node.test), self.types
        ends = list[tuple[list[ast.stmt], Variables]]()
        branches = []
        for statements in (node.body, node.orelse):
            self.types, self.ended = dict(before), False
            branches.append(self.block(statements))
            if not self.ended:
                ends.append((branches[-1], self.types))
        self.ended = not ends
        together = _together([variables for _, variables in ends]) if ends else dict(before)
        for made, variables in ends:
            self.types = variables
            made.extend(self._converted_to(together))
        self.types = together
        return [ast.If(test, branches[0], branches[1])]

    def _on_break(self, node: ast.Break) -> list[ast.stmt]:
        made = self._to((self.loops[-1], "exit"))
        self.ended = True
        return [*made, node]

    def _on_continue(self, node: ast.Continue) -> list[ast.stmt]:
        made = self._to((self.loops[-1], "head"))
        self.ended = True
        return [*made, node]

    @contextmanager
    def _loop(self, node: ast.For | ast.While) -> Iterator[None]:
        """Inside of a loop, from its head on."""
        self.types = dict(self.ways[node, "head"])
        self.loops.append(node)
        yield
        self.loops.pop()

    def _left(self, node: ast.For | ast.While, *, endless: bool) -> list[ast.stmt]:
        """What comes when the loop has made its last round, and from there on."""
        self.types, self.ended = dict(self.ways[node, "head"]), endless
        orelse = self.block(node.orelse)
        orelse += [] if self.ended else self._to((node, "exit"))
        self.ended = (node, "exit") not in self.ways
        self.types = dict(self.ways.get((node, "exit"), self.types))
        return orelse

    def _rounds(self, node: ast.For | ast.While) -> list[ast.stmt]:
        """The body, which leads back to the head."""
        self.ended = False
        body = self.block(node.body)
        return body if self.ended else body + self._to((node, "head"))

    def _on_while(self, node: ast.While) -> list[ast.stmt]:
        before, enter = self.atomics, self._to((node, "head"))
        with self._loop(node):
            test, body = self._tested(node.test), self._rounds(node)
        if self.atomics > before:
            # A thread that spins must let others run.
            self.waits = True
            idle = call(self.given(self.converter.device.idle))
            spin = call(self.given(self.converter.device.spin), self.given_line(node.lineno))
            body = [ast.If(idle, [ast.Expr(ast.Yield(spin))], []), *body]
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        return [*enter, ast.While(test, body, self._left(node, endless=endless))]

    def _on_for(self, node: ast.For) -> list[ast.stmt]:
        several, item = self._iterated(node.iter)
        before = [*self.simple(node.lineno, []), *self._to((node, "head"))]
        sure = (
            self.converter.counting and _calls_range(several) and not _contains(node, ast.Break, ast.Return)
        )
        outside, self.gathered = self.gathered, None
        if sure and not _contains(node, ast.Continue):
            self.gathered = Counter()
        with self._loop(node):
            body, target = self._body(node, item)
        gathered, self.gathered = self.gathered, outside
        if gathered:
            # What every round counts is counted once, for all of them.
            held = self.temporary()
            rounds = call(self.given(len), load(held))
            counts = [
                (place, ast.BinOp(rounds, ast.Mult(), ast.Constant(n))) for place, n in gathered.items()
            ]
            before += [ast.Assign([store(held)], several), *(self.counted(*count) for count in counts)]
            several = load(held)
        if self.converter.counting:
            counter = self.converter.all_rounds if sure else self.converter.some_rounds
            several = call(self.given(counter), self.site(node.iter, BRANCH), several)
        return [*before, ast.For(target, several, body, self._left(node, endless=False))]

    def _body(self, node: ast.For, item: Static) -> tuple[list[ast.stmt], ast.Name]:
        if isinstance(node.target, ast.Name) and not isinstance(item, Array):
            self.types[node.target.id] = item
            return self._rounds(node), store(node.target.id)
        target = store(self.temporary())
        taken = self.assign(node.target, (load(target.id), item))
        return taken + self._rounds(node), target

    def counted(self, place: int, count: ast.expr) -> ast.stmt:
        """So many operations in the line that is counted at that place."""
        counts = self.given(self.converter.counts)
        return ast.AugAssign(ast.Subscript(counts, ast.Constant(place), ast.Store()), ast.Add(), count)

    def _iterated(self, node: ast.expr) -> Typed:
        """What a loop runs over, and what is known of each item."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            function = self.expression(node.func)[1]
            if isinstance(function, Known) and function.value is range:
                typed = [self.expression(argument) for argument in node.args]
                kinds = [kind for _, kind in typed]
                bits = max((k.bits if isinstance(k, Number) else 64 for k in kinds), default=64)
                return call(self.given(range), *(part for part, _ in typed)), Number(types.int64, bits)
        several, kind = self.expression(node)
        if isinstance(kind, Array):
            return self.iterated(several, kind, node)
        if isinstance(kind, tuple) and kind:
            item = kind[0]
            for other in kind:
                item = joined(item, other)
            return several, item
        return several, None


def _together(ends: list[Variables]) -> Variables:
    """What the variables are where these ways meet."""
    first, *others = ends
    together = dict(first)
    for other in others:
        for name, kind in other.items():
            together[name] = met(together[name], kind) if name in together else kind
    return together


def _calls_range(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("range:")
    )


def _contains(loop: ast.For, *kinds: type[ast.AST]) -> bool:
    return any(isinstance(node, kinds) for node in ast.walk(loop))
