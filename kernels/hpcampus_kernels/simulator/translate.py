"""A kernel rewritten for the simulator: the same statements, the device's arithmetic, logged accesses.

Types follow from the arguments, as in Numba. They are found by going over the function until nothing changes
any more.
"""

import ast
from typing import TYPE_CHECKING, Any

from hpcampus_kernels.simulator.expressions import Typed, load, store
from hpcampus_kernels.simulator.flow import Flow
from hpcampus_kernels.simulator.log import READ, WRITE, Line
from hpcampus_kernels.simulator.static import Array, Static, joined
from hpcampus_kernels.simulator.values import UnsupportedError

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.convert import Converter, Names

MOST_ROUNDS = 20


class Translator(Flow):
    """Translates one function for one combination of types."""

    def __init__(
        self, converter: "Converter", lookup: "Names", known: dict[str, Static], at: Line | None
    ) -> None:
        super().__init__()
        self.converter, self.lookup = converter, lookup
        self.file, self.names, self.at = lookup.file, lookup.names, at
        self.parameters, self.types = dict(known), dict(known)
        self.aliases, self.flops, self.target = {}, 0, ""
        self.ways, self.zeros, self.loops, self.gathered = {}, set(), [], None
        self.waits, self.atomics = False, 0
        self.ended, self.changed, self.round = False, False, 0
        self.result: Static = None
        self._returned = False

    def function(self, definition: ast.FunctionDef) -> ast.FunctionDef:
        """The whole function."""
        self.definition, self.locals = definition, local_names(definition)
        for self.round in range(MOST_ROUNDS):
            self.changed, self.types = False, dict(self.parameters)
            body = self.block(definition.body)
            if not self.changed:
                break
        zeros: list[ast.stmt] = [
            ast.Assign([store(name)], ast.Constant(0)) for name in sorted(self.zeros - self.parameters.keys())
        ]
        start = [statement for parameter in self.parameters for statement in self.unpacked(parameter)]
        made = ast.FunctionDef(
            definition.name, _without_annotations(definition.args), [*zeros, *start, *body], []
        )
        ast.copy_location(made, definition)
        made.type_params = []  # type: ignore[attr-defined]  # since Python 3.12
        return ast.fix_missing_locations(made)

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        made = list[ast.stmt]()
        # Only in the body of a loop itself, not in the branches there, does every round come to a statement.
        gathered = self.gathered
        for statement in statements:
            visit = getattr(self, f"_on_{type(statement).__name__.lower()}", None)
            if visit is None:
                kind = type(statement).__name__
                raise UnsupportedError(
                    f"the simulator has no {kind} statement in kernels (line {statement.lineno})"
                )
            self.flops, self.statement = 0, statement.lineno
            self.gathered = None if isinstance(statement, (ast.If, ast.While)) else gathered
            for new in [*visit(statement)]:
                made.append(ast.copy_location(new, statement))
        self.gathered = gathered
        return made

    def simple(self, line: int, made: list[ast.stmt]) -> list[ast.stmt]:
        if self.flops and self.converter.counting:
            place = self.converter.place_of(self.line(line))
            if self.gathered is None:
                made = [self.counted(place, ast.Constant(self.flops)), *made]
            else:
                self.gathered[place] += self.flops
        self.flops = 0
        return made

    def _on_expr(self, node: ast.Expr) -> list[ast.stmt]:
        if isinstance(node.value, ast.Constant):
            return [ast.Pass()]
        return self.simple(node.lineno, [ast.Expr(self.expression(node.value)[0])])

    def _on_pass(self, node: ast.Pass) -> list[ast.stmt]:
        return [node]

    def _on_return(self, node: ast.Return) -> list[ast.stmt]:
        self.ended = True
        if node.value is None:
            return [ast.Return()]
        typed = self.expression(node.value)
        known = joined(self.result, typed[1]) if self._returned else typed[1]
        self.changed |= known != self.result
        self._returned, self.result = True, known
        return self.simple(node.lineno, [ast.Return(self.convert(typed, self.result))])

    def _on_raise(self, node: ast.Raise) -> list[ast.stmt]:
        self.ended = True
        return [node]

    def _on_assert(self, node: ast.Assert) -> list[ast.stmt]:
        return self.simple(node.lineno, [ast.Assert(self.expression(node.test)[0], node.msg)])

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
            return self.simple(line, self.assign(targets[0], whole))
        held = self.temporary()
        made: list[ast.stmt] = [ast.Assign([store(held)], whole[0])]
        for target in targets:
            made += self.assign(target, (load(held), whole[1]))
        return self.simple(line, made)

    def _called(self, value: ast.expr, target: ast.expr) -> Typed:
        self.target = target.id if isinstance(target, ast.Name) else ""
        return self.expression(value)

    def assign(self, target: ast.expr, value: Typed) -> list[ast.stmt]:
        """Gives a value to a name, an element, or several of them."""
        if isinstance(target, ast.Name):
            self.types[target.id] = value[1]
            return [ast.Assign([store(target.id)], value[0]), *self.unpacked(target.id)]
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
            return self.simple(node.lineno, self.assign(node.target, self._binop(read)))
        if isinstance(node.target, ast.Subscript):
            base, kind = self.expression(node.target.value)
            if isinstance(kind, Array) and kind.dtype.names is None:
                return self.simple(node.lineno, self._changed_element(node, base, kind))
        target = node.target
        copy = (
            ast.Subscript(target.value, target.slice, ast.Load())
            if isinstance(target, ast.Subscript)
            else ast.Attribute(target.value, target.attr, ast.Load())
        )
        changed = ast.BinOp(ast.copy_location(copy, target), node.op, node.value)
        return self.simple(node.lineno, self.assign(target, self._binop(ast.copy_location(changed, node))))

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
