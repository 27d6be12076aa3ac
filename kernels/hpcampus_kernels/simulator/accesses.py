"""Reads and writes of arrays, written into the kernel: the check of the bounds, the log, the element.

    x[i]   becomes   x:elements[i] if 0 <= i < x:0 and push(i + x:base) is push(7) else x.stray(i, 7)

where 7 is the site, `x:0` the extent and `push` appends to the log (it gives None: the comparison is true).
That is four times faster than an array object with methods. Without a log, the pushes are left out; so they
are for a local array, which no other thread sees.
"""

import ast
from typing import Any

from numba import types

from hpcampus_kernels.simulator.expressions import Expressions, Typed, call, load, named, store
from hpcampus_kernels.simulator.log import ATOMIC, READ, WRITE, Line, Site
from hpcampus_kernels.simulator.memory import UNSET, DeviceArray
from hpcampus_kernels.simulator.static import (
    PLACE,
    SLICE,
    Array,
    Known,
    Number,
    Record,
    Static,
    element,
    joined,
)
from hpcampus_kernels.simulator.values import UnsupportedError

# Such an index is written down twice without a loss.
SIMPLE = (ast.Name, ast.Constant)


def attribute(value: ast.expr, name: str) -> ast.Attribute:
    """value.name."""
    return ast.Attribute(value, name, ast.Load())


class Accesses(Expressions):
    """The part of a translator that knows arrays."""

    aliases: dict[str, set[str]]
    changed: bool

    def site(self, node: ast.AST, kind: int) -> ast.Constant:
        """The number of this place in the kernel."""
        sites = self.converter.sites
        sites.append(Site(self.at or Line(self.file, getattr(node, "lineno", 0)), kind))
        return ast.Constant(len(sites) - 1)

    def alias(self, array: str, what: str) -> ast.Name:
        """A local name for a part of an array, set where the array is."""
        known = self.aliases.setdefault(array, set())
        self.changed |= what not in known
        known.add(what)
        return load(f"{array}:{what}")

    def unpacked(self, array: str) -> list[ast.stmt]:
        """Sets the local names of an array's parts."""
        return [
            ast.Assign(
                [store(f"{array}:{what}")],
                ast.Subscript(attribute(load(array), "shape"), ast.Constant(int(what)), ast.Load())
                if what.isdigit()
                else attribute(load(array), what),
            )
            for what in sorted(self.aliases.get(array, ()))
        ]

    def _attribute(self, node: ast.Attribute) -> Typed:
        base, kind = self.expression(node.value)
        if isinstance(kind, Record):
            site = self.site(node, READ)
            return call(attribute(base, "read"), ast.Constant(node.attr), site), element(
                kind.dtype[node.attr]
            ) if node.attr in (kind.dtype.names or ()) else None
        if isinstance(kind, Array):
            return attribute(base, node.attr), _of_array(kind, node.attr)
        if isinstance(kind, Number) and node.attr in ("real", "imag") and kind.inexact:
            single = kind.kind in (types.complex64, types.float32)
            return attribute(base, node.attr), Number(types.float32 if single else types.float64)
        if isinstance(kind, Known):
            found = self.converter.attribute(kind.value, node.attr)
            if isinstance(found, Number):
                return attribute(base, node.attr), found
            made, known = self.known(attribute(base, node.attr), found)
            return made, _extent(known) if self.converter.is_extent(kind.value, node.attr) else known
        return attribute(base, node.attr), None

    def _subscript(self, node: ast.Subscript) -> Typed:
        base, kind = self.expression(node.value)
        if isinstance(kind, Record):
            name = _field_name(node.slice)
            found = element(kind.dtype[name]) if name in (kind.dtype.names or ()) else None
            return call(attribute(base, "read"), ast.Constant(name), self.site(node, READ)), found
        key, part = self.expression(node.slice)
        if isinstance(kind, tuple):
            place = key.value if isinstance(key, ast.Constant) else None
            return self._from_tuple(node, base, kind, place, key)
        if isinstance(kind, Array):
            return self.read(base, kind, key, part, self.site(node, READ))
        return call(self.given(_item), base, key, self.site(node, READ)), None

    def _from_tuple(
        self, node: ast.Subscript, base: ast.expr, kind: tuple[Any, ...], place: Any, key: ast.expr
    ) -> Typed:
        if isinstance(place, int) and -len(kind) <= place < len(kind):
            if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name) and base.attr == "shape":
                array = self.types.get(base.value.id) if base.value.id in self.locals else None
                if isinstance(array, Array):
                    return self.alias(base.value.id, str(place % len(kind))), kind[place]
            return ast.Subscript(base, key, ast.Load()), kind[place]
        whole = kind[0] if kind else None
        for other in kind:
            whole = joined(whole, other)
        return ast.Subscript(base, key, ast.Load()), whole

    def read(self, base: ast.expr, array: Array, key: ast.expr, kind: Static, site: ast.Constant) -> Typed:
        """The element at that index, or a part of the array."""
        if isinstance(kind, Known) and isinstance(kind.value, str):
            dtype = array.dtype[kind.value] if kind.value in (array.dtype.names or ()) else array.dtype
            return call(attribute(base, "read"), key, site), Array(dtype, array.ndim)
        selected = _dimensions(kind, array.ndim)
        if selected:
            return call(attribute(base, "read"), key, site), Array(array.dtype, selected)
        if not self._direct(base, array, key, kind):
            return call(attribute(base, "read"), key, site), element(array.dtype)
        assert isinstance(base, ast.Name)
        before, indices = self._indices(key)
        test, flat = self._inside(base.id, indices, before)
        item: ast.expr = ast.Subscript(self.alias(base.id, "elements"), flat, ast.Load())
        if array.local:
            # Nobody else sees it. What was never written is left to the array itself.
            held = self.temporary()
            test.values.append(ast.Compare(named(held, item), [ast.IsNot()], [self.given(UNSET)]))
            missed = call(attribute(base, "read"), _key(indices), site)
            return ast.IfExp(test, load(held), missed), element(array.dtype)
        if self.converter.logging:
            flat, address = self._held(flat)
            test.values.append(self._logged(base.id, address, site))
            item = ast.Subscript(self.alias(base.id, "elements"), flat, ast.Load())
        missed = call(attribute(base, "stray"), _key(indices), site)
        return ast.IfExp(test, item, missed), element(array.dtype)

    def _direct(self, base: ast.expr, array: Array, key: ast.expr, kind: Static) -> bool:
        """Whether the access can be written into the kernel."""
        kinds = kind if isinstance(kind, tuple) else (kind,)
        return (
            array.whole
            and array.dtype.names is None
            and isinstance(base, ast.Name)
            and base.id in self.locals
            and (not isinstance(kind, tuple) or isinstance(key, ast.Tuple))
            and len(kinds) == array.ndim
            and all(isinstance(part, Number) and part.plain for part in kinds)
        )

    def _indices(self, key: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
        """Assignments of the indices that are more than a name, and the indices."""
        parts = key.elts if isinstance(key, ast.Tuple) else [key]
        before, indices = list[ast.expr](), list[ast.expr]()
        for part in parts:
            if isinstance(part, SIMPLE):
                indices.append(part)
            else:
                held = self.temporary()
                before.append(named(held, part))
                indices.append(load(held))
        return before, indices

    def _inside(
        self, array: str, indices: list[ast.expr], before: list[ast.expr]
    ) -> tuple[ast.BoolOp, ast.expr]:
        """The check of the bounds, and the place in memory."""
        tests, flat = list[ast.expr](), indices[0]
        if len(before) == 1 and len(indices) == 1:
            tests.append(self._between(before[0], array, 0))
        else:
            tests += [ast.List(before, ast.Load())] if before else []
            tests += [self._between(index, array, axis) for axis, index in enumerate(indices)]
        for axis, index in enumerate(indices[1:], 1):
            row = ast.BinOp(flat, ast.Mult(), self.alias(array, str(axis)))
            flat = ast.BinOp(row, ast.Add(), index)
        return ast.BoolOp(ast.And(), [*tests, *([] if len(tests) > 1 else [ast.Constant(True)])]), flat

    def _between(self, index: ast.expr, array: str, axis: int) -> ast.expr:
        return ast.Compare(ast.Constant(0), [ast.LtE(), ast.Lt()], [index, self.alias(array, str(axis))])

    def _held(self, flat: ast.expr) -> tuple[ast.expr, ast.expr]:
        """A place in memory to use again, and the expression that computes it first."""
        if isinstance(flat, SIMPLE):
            return flat, flat
        held = self.temporary()
        return load(held), named(held, flat)

    def _logged(self, array: str, flat: ast.expr, site: ast.Constant) -> ast.expr:
        push = self.given(self.converter.push)
        address = ast.BinOp(flat, ast.Add(), self.alias(array, "base"))
        return ast.Compare(call(push, address), [ast.Is()], [call(push, site)])

    # Writes are statements.

    def write(self, target: ast.expr, value: Typed) -> list[ast.stmt]:
        """Stores a value in an element, a field or a slice."""
        assert isinstance(target, (ast.Subscript, ast.Attribute))
        base, kind = self.expression(target.value)
        if isinstance(kind, Record):
            name = target.attr if isinstance(target, ast.Attribute) else _field_name(target.slice)
            put = call(attribute(base, "write"), ast.Constant(name), value[0], self.site(target, WRITE))
            return [ast.Expr(put)]
        if isinstance(target, ast.Attribute) or not isinstance(kind, (Array, type(None))):
            raise UnsupportedError(f"the simulator can't assign to this (line {target.lineno})")
        held, before = value, list[ast.stmt]()
        if not isinstance(value[0], SIMPLE):
            held = load(self.temporary()), value[1]
            before = [ast.Assign([store(held[0].id)], value[0])]
        key, part = self.expression(target.slice)
        return before + self.put(base, kind, (key, part), held, self.site(target, WRITE))

    def put(
        self, base: ast.expr, array: Static, index: Typed, value: Typed, site: ast.Constant
    ) -> list[ast.stmt]:
        """The same for an index that was translated already; the value is a name or a constant."""
        key, kind = index
        if not isinstance(array, Array) or not self._direct(base, array, key, kind):
            return [ast.Expr(call(attribute(base, "write"), key, value[0], site))]
        assert isinstance(base, ast.Name)
        before, indices = self._indices(key)
        test, flat = self._inside(base.id, indices, before)
        place = ast.Subscript(self.alias(base.id, "elements"), flat, ast.Store())
        kept = self._cast(base.id, array, value)
        if array.local or not self.converter.logging:
            body: list[ast.stmt] = [ast.Assign([place], kept)]
        else:
            held = self.temporary()
            keep = self.given(self.converter.keep)
            body = [
                ast.Assign([store(held), place], kept),
                ast.Expr(self._logged(base.id, flat, site)),
                ast.Expr(call(keep, load(held))),
            ]
        return [ast.If(test, body, [ast.Expr(call(attribute(base, "stray"), _key(indices), site))])]

    def _cast(self, name: str, array: Array, value: Typed) -> ast.expr:
        """The value as an element keeps it."""
        node, kind = value
        wanted = element(array.dtype)
        if isinstance(kind, Number) and isinstance(wanted, Number):
            fits = kind.plain and kind.bits <= wanted.bits and array.dtype.kind == "i"
            if kind.kind == wanted.kind or fits:
                return node
        return call(self.alias(name, "cast"), node)

    def iterated(self, base: ast.expr, array: Array, node: ast.AST) -> Typed:
        """The elements of an array, one after the other, and what each is."""
        item = element(array.dtype) if array.ndim == 1 else Array(array.dtype, array.ndim - 1)
        return call(attribute(base, "iterate"), self.site(node, READ)), item

    def atomic(self, node: ast.Call) -> Typed:
        """An atomic operation, which gets the number of its site."""
        function, _ = self.expression(node.func)
        typed = [self.expression(argument) for argument in node.args]
        array = typed[0][1] if typed else None
        got = element(array.dtype) if isinstance(array, Array) else None
        return call(function, self.site(node, ATOMIC), *(part for part, _ in typed)), got


def _key(indices: list[ast.expr]) -> ast.expr:
    return indices[0] if len(indices) == 1 else ast.Tuple(indices, ast.Load())


def _dimensions(kind: Static, ndim: int) -> int:
    """How many dimensions a part of an array has; 0 for an element."""
    parts: tuple[Static, ...] = kind if isinstance(kind, tuple) else (kind,)
    return ndim - len(parts) + sum(part == SLICE for part in parts)


def _field_name(key: ast.expr) -> str:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    raise UnsupportedError("the simulator needs the name of a record's field, as a string")


def _of_array(array: Array, name: str) -> Static:
    known: dict[str, Static] = {"shape": (PLACE,) * array.ndim, "size": PLACE, "dtype": Known(array.dtype)}
    return known.get(name) or (of_ndim(array) if name == "ndim" else None)


def of_ndim(array: Array) -> Number:
    """What the number of dimensions is."""
    return Number(types.int64, array.ndim.bit_length() + 1)


def _item(base: Any, key: Any, site: int) -> Any:
    """An element of something of which nothing was known before."""
    return base.read(key, site) if isinstance(base, DeviceArray) else base[key]


def _extent(known: Static) -> Static:
    """The device's type for it."""
    return Number(types.int32, known.bits) if isinstance(known, Number) else known
