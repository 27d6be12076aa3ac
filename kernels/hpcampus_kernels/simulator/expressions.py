"""Expressions of a kernel, rewritten so that Python computes what the device would.

Each gives a new syntax tree and what is known of its value. Where the types are known, an operation stays
Python's own, with a conversion or a check for overflow only where one can matter; where they are not,
`arithmetic.apply` looks at the values.
"""

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from numba import types

from hpcampus_kernels.simulator import arithmetic
from hpcampus_kernels.simulator.log import Line
from hpcampus_kernels.simulator.static import SLICE, TRUTH, Known, Number, Static, Torn, joined, of_number
from hpcampus_kernels.simulator.values import UnsupportedError

if TYPE_CHECKING:
    from hpcampus_kernels.simulator.convert import Converter, Names

Typed = tuple[ast.expr, Static]
Kind = types.Type

OPERATIONS: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
# Those that NumPy's numbers do as the device does, once the types are right.
NATURAL = (ast.Add, ast.Sub, ast.Mult, ast.Div)
BITWISE = (ast.BitAnd, ast.BitOr, ast.BitXor)
# The bits that a result needs, of the bits that the operands have.
BITS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: max(a, b) + 1,
    ast.Sub: lambda a, b: max(a, b) + 1,
    ast.Mult: lambda a, b: a + b,
    ast.FloorDiv: lambda a, b: a + 1,
    ast.Mod: lambda a, b: b,
    **dict.fromkeys(BITWISE, max),
}
WIDTH = 64
# Operations of one complex addition and multiplication.
COMPLEX = {ast.Add: 2, ast.Sub: 2, ast.Mult: 6, ast.Div: 11}


def load(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(name, ast.Load())


def store(name: str) -> ast.Name:
    """A name that is set."""
    return ast.Name(name, ast.Store())


def call(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    """A call."""
    return ast.Call(function, list(arguments), [])


def named(name: str, value: ast.expr) -> ast.NamedExpr:
    """`(name := value)`."""
    return ast.NamedExpr(store(name), value)


class Expressions:
    """The part of a translator that needs no statements."""

    converter: "Converter"
    lookup: "Names"
    file: str
    at: Line | None
    names: dict[str, Any]
    locals: set[str]
    types: dict[str, Static]
    flops: int
    statement: int  # its line

    def __init__(self) -> None:
        self._temporary = self.statement = 0

    def expression(self, node: ast.expr) -> Typed:
        """The same, as the device computes it."""
        visit = getattr(self, f"_{type(node).__name__.lower()}", None)
        if visit is None:
            raise UnsupportedError(
                f"the simulator has no {type(node).__name__} in kernels (line {node.lineno})"
            )
        typed: Typed = visit(node)
        return typed

    def temporary(self) -> str:
        """A name that no kernel has."""
        self._temporary += 1
        return f".{self._temporary}"

    def given(self, value: Any) -> ast.Name:
        """A name for a value that is known before the kernel runs."""
        name = f"{getattr(value, '__name__', 'value')}:{id(value)}"
        self.names[name] = value
        return load(name)

    def convert(self, typed: Typed, wanted: Static) -> ast.expr:
        """The value as a number of the wanted type."""
        node, kind = typed
        if not isinstance(wanted, Number) or not isinstance(kind, Number) or kind.kind == wanted.kind:
            return node
        if kind.plain and wanted.plain and kind.bits <= wanted.bits:
            return node
        return call(self.given(arithmetic.converter(wanted.kind)), node)

    def number(self, value: Any) -> Typed:
        """A number that is known already."""
        known = of_number(value)
        simple = isinstance(value, int) and isinstance(known, Number) and known.plain
        return (ast.Constant(value) if simple else self.given(value)), known

    def _constant(self, node: ast.Constant) -> Typed:
        value = node.value
        if isinstance(value, (int, float, complex)):
            if not isinstance(value, int) or value > arithmetic.HIGHEST:
                kinds = {int: types.uint64, float: types.float64, complex: types.complex128}
                value = self.converter.constant(kinds[type(value)], value)
            return self.number(value)
        return ast.Constant(value), Known(value)

    def _name(self, node: ast.Name) -> Typed:
        if node.id in self.locals:
            kind = self.types.get(node.id)
            if isinstance(kind, Torn):
                reason = f"{node.id} is {kind} (line {node.lineno}): give the two names of their own"
                raise UnsupportedError(f"Numba has one type for a variable where ways meet, but {reason}")
            return load(node.id), kind
        try:
            value = self.lookup.find(node.id)
        except NameError:  # Python will say so, if it comes here
            return load(node.id), None
        return self.known(load(node.id), value)

    def known(self, node: ast.expr, value: Any) -> Typed:
        """A value that is the same for all threads."""
        if isinstance(value, (bool, int)) or of_number(value) is not None:
            return self.number(value)
        return node, self.converter.static_of(value)

    def _tuple(self, node: ast.Tuple) -> Typed:
        typed = [self.expression(part) for part in node.elts]
        return ast.Tuple([part for part, _ in typed], ast.Load()), tuple(kind for _, kind in typed)

    def _slice(self, node: ast.Slice) -> Typed:
        parts = [part and self.expression(part)[0] for part in (node.lower, node.upper, node.step)]
        ends = [ast.Constant(None) if part is None else part for part in parts]
        return call(self.given(slice), *ends), SLICE

    # Operators.

    def _binop(self, node: ast.BinOp) -> Typed:
        return self.binary(node.op, self.expression(node.left), self.expression(node.right))

    def binary(self, symbol: ast.operator, left: Typed, right: Typed) -> Typed:
        """An operation of two."""
        operation, a, b = OPERATIONS[type(symbol)], left[1], right[1]
        if not isinstance(a, Number) or not isinstance(b, Number):
            return self._unknown(operation, left, right)
        found = self.resolved(operation, a.kind, b.kind)
        result = Number(found[1])
        if result.inexact:
            complex_ = isinstance(result.kind, types.Complex)
            self.flops += COMPLEX.get(type(symbol), 1) if complex_ else 1
            if isinstance(symbol, NATURAL):
                return self._natural(symbol, left, right, found)
        elif result.plain and a.plain and b.plain and type(symbol) in BITS:
            return self._whole(symbol, left, right, result)
        elif result.kind == a.kind == b.kind and isinstance(symbol, (*NATURAL, *BITWISE)):
            return ast.BinOp(left[0], symbol, right[0]), result
        compute = arithmetic.compiled(operation, a.kind, b.kind)
        return call(self.given(compute), left[0], right[0]), result

    def resolved(self, operation: Any, *kinds: Kind) -> arithmetic.Signature:
        """The types that an operation takes and gives; refused if Numba has none."""
        found = arithmetic.signature(operation, *kinds)
        if found is None:
            raise UnsupportedError(f"{arithmetic.refusal(operation, *kinds)} (line {self.statement})")
        return found

    def _unknown(self, operation: Any, *typed: Typed) -> Typed:
        apply = self.converter.counted if self.converter.counting else arithmetic.apply
        return call(self.given(apply), self.given(operation), *(node for node, _ in typed)), None

    def _natural(self, symbol: ast.operator, left: Typed, right: Typed, found: Any) -> Typed:
        takes, gives = found
        result = Number(gives)
        nodes = [left[0], right[0]]
        kinds = [left[1], right[1]]
        for place, kind in enumerate(kinds):
            other = kinds[1 - place]
            if isinstance(kind, Number) and kind.plain and isinstance(other, Number):
                wanted = takes[place] if other.inexact else gives
                if other.kind != gives:
                    nodes[place] = call(self.given(arithmetic.converter(wanted)), nodes[place])
        return ast.BinOp(nodes[0], symbol, nodes[1]), result

    def _whole(self, symbol: ast.operator, left: Typed, right: Typed, result: Number) -> Typed:
        (a, one), (b, other) = left, right
        assert isinstance(one, Number)
        assert isinstance(other, Number)
        node: ast.expr = ast.BinOp(a, symbol, b)
        if isinstance(symbol, (ast.FloorDiv, ast.Mod)):
            if isinstance(b, ast.Name) and one.bits < WIDTH:  # on a device, a division by zero gives 0
                node = ast.IfExp(b, node, ast.Constant(0))
            elif not (isinstance(b, ast.Constant) and b.value):
                compute = arithmetic.compiled(OPERATIONS[type(symbol)], one.kind, other.kind)
                node = call(self.given(compute), a, b)
        return self.bounded(node, BITS[type(symbol)](one.bits, other.bits), result)

    def bounded(self, node: ast.expr, bits: int, result: Number) -> Typed:
        """An integer, wrapped around if it can need more than 64 bits."""
        if bits <= WIDTH:
            return node, Number(result.kind, bits)
        held = self.temporary()
        inside = ast.Compare(
            ast.Constant(arithmetic.LOWEST),
            [ast.LtE(), ast.LtE()],
            [named(held, node), ast.Constant(arithmetic.HIGHEST)],
        )
        wrapped = call(self.given(arithmetic.wrap), load(held))
        return ast.IfExp(inside, load(held), wrapped), Number(result.kind)

    def _unaryop(self, node: ast.UnaryOp) -> Typed:
        value, kind = self.expression(node.operand)
        if isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, value), TRUTH
        if isinstance(value, ast.Constant) and isinstance(node.op, ast.USub) and type(value.value) is int:
            return self.number(-value.value)
        operation = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert}[
            type(node.op)
        ]
        if not isinstance(kind, Number):
            return self._unknown(operation, (value, kind))
        result = Number(self.resolved(operation, kind.kind)[1])
        if result.inexact and kind.inexact:
            return ast.UnaryOp(node.op, value), result
        if kind.plain and kind.bits < getattr(kind.kind, "bitwidth", 0) and result.plain:
            return ast.UnaryOp(node.op, value), Number(result.kind, kind.bits + 1)
        return call(self.given(arithmetic.compiled(operation, kind.kind)), value), result

    def _compare(self, node: ast.Compare) -> Typed:
        typed = [self.expression(part) for part in (node.left, *node.comparators)]
        kinds = [kind for _, kind in typed if isinstance(kind, Number)]
        parts = [part for part, _ in typed]
        if any(kind.kind == types.float32 for kind in kinds):
            # An integer is compared with a float32 as float64.
            wide = Number(types.float64)
            parts = [
                self.convert((part, kind), wide) if isinstance(kind, Number) and kind.plain else part
                for part, kind in typed
            ]
        return ast.Compare(parts[0], node.ops, parts[1:]), TRUTH

    def _boolop(self, node: ast.BoolOp) -> Typed:
        first, kind = self.expression(node.values[0])
        values = [first]
        for part in node.values[1:]:
            value, other = self.conditional(part)
            values.append(value)
            kind = kind if kind == other else None
        return ast.BoolOp(node.op, values), kind

    def _ifexp(self, node: ast.IfExp) -> Typed:
        test, _ = self.expression(node.test)
        body, orelse = self.conditional(node.body), self.conditional(node.orelse)
        kind = joined(body[1], orelse[1])
        return ast.IfExp(test, self.convert(body, kind), self.convert(orelse, kind)), kind

    def _namedexpr(self, node: ast.NamedExpr) -> Typed:
        raise UnsupportedError(f"the simulator has no := in kernels (line {node.lineno})")

    # Operations counted where they happen.

    def conditional(self, node: ast.expr) -> Typed:
        """An expression that may be skipped, or evaluated again and again: it counts for itself."""
        before, self.flops = self.flops, 0
        value, kind = self.expression(node)
        if self.flops and self.converter.counting:
            line = self.given_line(node.lineno)
            count = call(self.given(self.converter.add_flops), line, ast.Constant(self.flops))
            value = ast.BoolOp(ast.Or(), [count, value])
        self.flops = before
        return value, kind

    def given_line(self, line: int) -> ast.Name:
        """A name for a line of the kernel."""
        name = f"line:{line}"
        self.names[name] = self.line(line)
        return load(name)

    def line(self, number: int) -> Line:
        """That line, or in a function of the library the line that calls it."""
        return self.at or Line(self.file, number)
