"""A kernel rewritten for the simulator: the same statements, the device's arithmetic, logged accesses.

Types follow from the arguments, as in Numba: a variable has one type, that of all that is assigned to it. It
is found by going over the function until nothing changes any more.
"""

import ast
from typing import TYPE_CHECKING, Any

from numba import types

from hpcampus_kernels.simulator.calls import Calls
from hpcampus_kernels.simulator.expressions import Typed, call, load, store
from hpcampus_kernels.simulator.log import BRANCH, READ, WRITE, Line
from hpcampus_kernels.simulator.static import Array, Known, Number, Static, joined
from hpcampus_kernels.simulator.values import UnsupportedError

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.convert import Converter, Names

# After so many rounds, an integer that still grows is taken to need all 64 bits.
ROUNDS = 4


class Translator(Calls):
    """Translates one function for one combination of types."""

    def __init__(
        self, converter: "Converter", lookup: "Names", known: dict[str, Static], at: Line | None
    ) -> None:
        super().__init__()
        self.converter, self.lookup = converter, lookup
        self.file, self.names, self.at = lookup.file, lookup.names, at
        self.parameters, self.types = dict(known), dict(known)
        self.aliases, self.flops, self.target = {}, 0, ""
        self.waits, self.atomics = False, 0
        self.result: Static = None
        self._returned = False
        self._changed = False

    def function(self, definition: ast.FunctionDef) -> ast.FunctionDef:
        """The whole function."""
        self.locals = local_names(definition)
        for round_ in range(20):
            self._changed, self._round = False, round_
            body = self._block(definition.body)
            if not self._changed:
                break
        start = [
            statement
            for parameter in self.parameters
            for statement in (*self._entered(parameter), *self.unpacked(parameter))
        ]
        made = ast.FunctionDef(definition.name, _without_annotations(definition.args), start + body, [])
        ast.copy_location(made, definition)
        made.type_params = []  # type: ignore[attr-defined]  # since Python 3.12
        return ast.fix_missing_locations(made)

    def _entered(self, parameter: str) -> list[ast.stmt]:
        """A parameter that is assigned to may need another type from the start."""
        given, wanted = self.parameters[parameter], self.types.get(parameter)
        node = self.convert((load(parameter), given), wanted)
        return [] if isinstance(node, ast.Name) else [ast.Assign([store(parameter)], node)]

    def bind(self, name: str, kind: Static) -> None:
        """A variable is that, too."""
        if name not in self.types:
            self.types[name] = kind
            self._changed = True
            return
        known = self.types[name]
        wider = joined(known, kind)
        if isinstance(wider, Number) and wider != known and self._round >= ROUNDS:
            wider = Number(wider.kind)
        self._changed |= wider != known
        self.types[name] = wider

    def _block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        made = list[ast.stmt]()
        for statement in statements:
            visit = getattr(self, f"_on_{type(statement).__name__.lower()}", None)
            if visit is None:
                kind = type(statement).__name__
                raise UnsupportedError(
                    f"the simulator has no {kind} statement in kernels (line {statement.lineno})"
                )
            self.flops = 0
            for new in [*visit(statement)]:
                made.append(ast.copy_location(new, statement))
        return made

    def _simple(self, line: int, made: list[ast.stmt]) -> list[ast.stmt]:
        """Statements that run as one, after their operations were counted."""
        if self.flops and self.converter.counting:
            place = self.converter.place_of(self.line(line))
            counts = self.given(self.converter.counts)
            counter = ast.Subscript(counts, ast.Constant(place), ast.Store())
            made = [ast.AugAssign(counter, ast.Add(), ast.Constant(self.flops)), *made]
        self.flops = 0
        return made

    def _on_expr(self, node: ast.Expr) -> list[ast.stmt]:
        if isinstance(node.value, ast.Constant):
            return [ast.Pass()]
        return self._simple(node.lineno, [ast.Expr(self.expression(node.value)[0])])

    def _on_pass(self, node: ast.Pass) -> list[ast.stmt]:
        return [node]

    def _on_break(self, node: ast.Break) -> list[ast.stmt]:
        return [node]

    def _on_continue(self, node: ast.Continue) -> list[ast.stmt]:
        return [node]

    def _on_return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is None:
            return [ast.Return()]
        typed = self.expression(node.value)
        known = joined(self.result, typed[1]) if self._returned else typed[1]
        self._changed |= known != self.result
        self._returned, self.result = True, known
        return self._simple(node.lineno, [ast.Return(self.convert(typed, self.result))])

    def _on_raise(self, node: ast.Raise) -> list[ast.stmt]:
        return [node]

    def _on_assert(self, node: ast.Assert) -> list[ast.stmt]:
        return self._simple(node.lineno, [ast.Assert(self.expression(node.test)[0], node.msg)])

    def _on_annassign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        if node.value is None:
            return [ast.Pass()]
        return self._assigned([node.target], node.value, node.lineno)

    def _on_assign(self, node: ast.Assign) -> list[ast.stmt]:
        return self._assigned(node.targets, node.value, node.lineno)

    def _assigned(self, targets: list[Any], value: ast.expr, line: int) -> list[ast.stmt]:
        # Shared arrays are called by the name they are given to.
        names = targets[0].elts if isinstance(targets[0], ast.Tuple) else targets
        parts = value.elts if isinstance(value, ast.Tuple) else [value]
        if len(parts) == len(names) > 1:
            typed = [self._called(part, name) for part, name in zip(parts, names, strict=True)]
            whole: Typed = ast.Tuple([n for n, _ in typed], ast.Load()), tuple(k for _, k in typed)
        else:
            whole = self._called(value, targets[0])
        if len(targets) == 1:
            return self._simple(line, self.assign(targets[0], whole))
        held = self.temporary()
        made: list[ast.stmt] = [ast.Assign([store(held)], whole[0])]
        for target in targets:
            made += self.assign(target, (load(held), whole[1]))
        return self._simple(line, made)

    def _called(self, value: ast.expr, target: ast.expr) -> Typed:
        self.target = target.id if isinstance(target, ast.Name) else ""
        return self.expression(value)

    def assign(self, target: ast.expr, value: Typed) -> list[ast.stmt]:
        """Gives a value to a name, an element, or several of them."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value[1])
            made = self.convert(value, self.types[target.id])
            return [ast.Assign([store(target.id)], made), *self.unpacked(target.id)]
        if not isinstance(target, (ast.Tuple, ast.List)):
            return self.write(target, value)
        kinds = value[1] if isinstance(value[1], tuple) else (None,) * len(target.elts)
        held = [self.temporary() for _ in target.elts]
        taken: list[ast.stmt] = [ast.Assign([ast.Tuple([store(n) for n in held], ast.Store())], value[0])]
        for part, name, kind in zip(target.elts, held, kinds, strict=True):
            taken += self.assign(part, (load(name), kind))
        return taken

    def _on_augassign(self, node: ast.AugAssign) -> list[ast.stmt]:
        if isinstance(node.target, ast.Name):
            read = ast.copy_location(ast.BinOp(load(node.target.id), node.op, node.value), node)
            return self._simple(node.lineno, self.assign(node.target, self._binop(read)))
        if isinstance(node.target, ast.Subscript):
            base, kind = self.expression(node.target.value)
            if isinstance(kind, Array) and kind.dtype.names is None:
                return self._simple(node.lineno, self._changed_element(node, base, kind))
        target = node.target
        copy = (
            ast.Subscript(target.value, target.slice, ast.Load())
            if isinstance(target, ast.Subscript)
            else ast.Attribute(target.value, target.attr, ast.Load())
        )
        changed = ast.BinOp(ast.copy_location(copy, target), node.op, node.value)
        return self._simple(node.lineno, self.assign(target, self._binop(ast.copy_location(changed, node))))

    def _changed_element(self, node: ast.AugAssign, base: ast.expr, array: Array) -> list[ast.stmt]:
        """x[i] += v: the index is computed once."""
        assert isinstance(node.target, ast.Subscript)
        key, kind = self.expression(node.target.slice)
        parts = key.elts if isinstance(key, ast.Tuple) else [key]
        before, held = list[ast.stmt](), list[ast.expr]()
        for part in parts:
            if isinstance(part, (ast.Name, ast.Constant)):
                held.append(part)
            else:
                name = self.temporary()
                before.append(ast.Assign([store(name)], part))
                held.append(load(name))
        index = (held[0] if not isinstance(key, ast.Tuple) else ast.Tuple(held, ast.Load())), kind
        old = self.read(base, array, *index, self.site(node, READ))
        new = self.binary(node.op, old, self.expression(node.value))
        name = self.temporary()
        before.append(ast.Assign([store(name)], new[0]))
        return before + self.put(base, array, index, (load(name), new[1]), self.site(node, WRITE))

    # Branches.

    def _tested(self, test: ast.expr) -> ast.expr:
        made, _ = self.conditional(test)
        if not self.converter.counting:
            return made
        return call(self.given(self.converter.branch), self.site(test, BRANCH), made)

    def _on_if(self, node: ast.If) -> list[ast.stmt]:
        return [ast.If(self._tested(node.test), self._block(node.body), self._block(node.orelse))]

    def _on_while(self, node: ast.While) -> list[ast.stmt]:
        before = self.atomics
        test, body = self._tested(node.test), self._block(node.body)
        if self.atomics > before:
            # A thread that spins must let others run.
            self.waits = True
            idle = call(self.given(self.converter.device.idle))
            spin = call(self.given(self.converter.device.spin), self.given_line(node.lineno))
            body = [ast.If(idle, [ast.Expr(ast.Yield(spin))], []), *body]
        return [ast.While(test, body, self._block(node.orelse))]

    def _on_for(self, node: ast.For) -> list[ast.stmt]:
        several, item = self._iterated(node.iter)
        before = self._simple(node.lineno, [])
        if self.converter.counting:
            sure = _calls_range(several) and not _may_leave(node)
            counted = self.converter.all_rounds if sure else self.converter.some_rounds
            several = call(self.given(counted), self.site(node.iter, BRANCH), several)
        if isinstance(node.target, ast.Name) and not isinstance(item, Array):
            self.bind(node.target.id, item)
            taken, target = list[ast.stmt](), store(node.target.id)
            made = self.convert((load(target.id), item), self.types[target.id])
            if not isinstance(made, ast.Name):
                taken = [ast.Assign([target], made)]
        else:
            target = store(self.temporary())
            taken = self.assign(node.target, (load(target.id), item))
        body = taken + self._block(node.body)
        return [*before, ast.For(target, several, body, self._block(node.orelse))]

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


def _calls_range(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("range:")
    )


def _may_leave(loop: ast.For) -> bool:
    """Whether a thread may leave the loop before its last round."""
    return any(isinstance(node, (ast.Break, ast.Return)) for node in ast.walk(loop))


def local_names(definition: ast.FunctionDef) -> set[str]:
    """The local names of a function."""
    arguments = definition.args
    names = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    stored = (n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return names | set(stored)


def _without_annotations(arguments: ast.arguments) -> ast.arguments:
    if arguments.vararg or arguments.kwarg:
        raise UnsupportedError("the simulator has no *arguments in kernels")

    def bare(given: list[ast.arg]) -> list[ast.arg]:
        return [ast.arg(argument.arg) for argument in given]

    # The defaults are set on the function itself.
    return ast.arguments(
        posonlyargs=bare(arguments.posonlyargs),
        args=bare(arguments.args),
        kwonlyargs=bare(arguments.kwonlyargs),
        kw_defaults=[None] * len(arguments.kwonlyargs),
        defaults=[],
    )
