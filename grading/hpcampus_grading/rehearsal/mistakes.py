"""All versions of plain Python with one mistake in them, of those that people make with numbers and arrays.

Kernels for GPUs are left alone: who installs `hpcampus_kernels` gets mistakes of their own for them.
"""

import ast
import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

# Where a node hangs: in a list of its parent, or in one of its fields.
Place = tuple[Any, int | str]
# All ways to make one kind of mistake in a node. A node is never changed, only replaced.
Change = Callable[[ast.AST], Iterator[ast.AST]]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
)
_NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}
# Functions of two arguments that don't ask which comes first.
_SYMMETRIC = {"min", "max", "minimum", "maximum", "add", "multiply", "hypot", "gcd", "isclose", "allclose"}
_NOT_RUN = ("annotation", "returns", "decorator_list", "type_params")
_JUMPS = (ast.Raise, ast.Assert, ast.Break, ast.Continue, ast.Delete, ast.AugAssign)


def mistakes(source: str) -> Iterator[tuple[str, str]]:
    """Each changed version of a cell's code, behind its label `before -> after`; a second such one has #2.

    The changed code has no comments.
    """
    tree = ast.parse(source)
    right = ast.unparse(tree)
    seen, labels = {right}, Counter[str]()
    for holder, key in list(_places(tree)):
        old = holder[key]
        for new in (new for change in CHANGES for new in change(old)):
            holder[key] = ast.fix_missing_locations(new)
            changed = ast.unparse(tree)
            holder[key] = old
            if changed not in seen:
                seen.add(changed)
                label = _label(right, changed)
                labels[label] += 1
                yield (label if labels[label] == 1 else f"{label} #{labels[label]}"), changed


def _places(node: ast.AST) -> Iterator[Place]:
    """Where the nodes below this one hang, as far as they are run when the code is."""
    for field, value in ast.iter_fields(node):
        if field in _NOT_RUN:
            continue
        many = isinstance(value, list)
        for key, child in enumerate(value) if many else [(field, value)]:
            if isinstance(child, ast.AST) and not _is_kernel(child):
                yield (value if many else vars(node)), key
                yield from _places(child)


def _is_kernel(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    return any(ast.unparse(decorator).startswith("cuda.jit") for decorator in node.decorator_list)


def _label(right: str, changed: str) -> str:
    before, after = ([line.strip() for line in text.splitlines()] for text in (right, changed))
    parts = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    differing = [part for part in parts if part[0] != "equal"]
    old = "; ".join(line for _, a, b, _, _ in differing for line in before[a:b])
    new = "; ".join(line for _, _, _, c, d in differing for line in after[c:d])
    return f"{old} -> {new}"


def _function(node: ast.AST) -> str:
    """What a call calls, without the module; of anything else nothing."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).rpartition(".")[2]


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            operators = [*node.ops[:place], _COMPARISONS[type(operator)](), *node.ops[place + 1 :]]
            yield ast.Compare(node.left, operators, node.comparators)


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _OPERATORS:
        other = _OPERATORS[type(node.op)]()
        if isinstance(node, ast.BinOp):
            yield ast.BinOp(node.left, other, node.right)
        else:
            yield ast.AugAssign(node.target, other, node.value)


def _logic(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield ast.Constant(node.value + 1)
        elif isinstance(node.value, float):
            yield ast.Constant(2 * node.value or 1.0)


def _left_out(node: ast.AST) -> Iterator[ast.AST]:
    """A statement without which the names are still there: a call, a jump, a guard, a place of an array."""
    stores = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name | ast.Tuple)
    calls = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    guards = isinstance(node, ast.If) and not node.orelse
    if stores or calls or guards or isinstance(node, _JUMPS):
        yield ast.Pass()


def _one_off(node: ast.AST) -> Iterator[ast.AST]:
    """A loop that ends early, or an index one too far."""
    if isinstance(node, ast.Call) and _function(node) in ("range", "prange") and node.args:
        end = min(1, len(node.args) - 1)
        arguments = list(node.args)
        arguments[end] = ast.BinOp(arguments[end], ast.Sub(), ast.Constant(1))
        yield ast.Call(node.func, arguments, node.keywords)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
        yield ast.Subscript(node.value, ast.BinOp(node.slice, ast.Add(), ast.Constant(1)), node.ctx)


def _swapped(node: ast.AST) -> Iterator[ast.AST]:
    """The first two arguments, or the first two places of an index."""
    if isinstance(node, ast.Call) and len(node.args) > 1 and _function(node) not in _SYMMETRIC:
        first, second, *others = node.args
        yield ast.Call(node.func, [second, first, *others], node.keywords)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) > 1:
        first, second, *others = node.slice.elts
        yield ast.Subscript(node.value, ast.Tuple([second, first, *others], ast.Load()), node.ctx)


def _keyword(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call):
        for place in range(len(node.keywords)):
            yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])


def _other_name(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _NAMES:
        yield ast.Name(_NAMES[node.id], node.ctx)
    if isinstance(node, ast.Attribute) and node.attr in _NAMES:
        yield ast.Attribute(node.value, _NAMES[node.attr], node.ctx)


CHANGES: tuple[Change, ...] = (
    _comparison,
    _arithmetic,
    _logic,
    _constant,
    _left_out,
    _one_off,
    _swapped,
    _keyword,
    _other_name,
)
