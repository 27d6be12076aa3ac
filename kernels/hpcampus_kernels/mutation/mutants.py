"""All kernels that differ from a solution by one mistake of those that people make."""

import ast
import copy
import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from hpcampus_kernels.judging.submission import NUMBER, Function, Submission, submission
from hpcampus_kernels.problem import Problem


@dataclass(frozen=True)
class Mutant:
    """A changed solution: the kind of mistake, the line before and after, and what can be checked."""

    kind: str
    function: str
    line: int
    before: str
    after: str
    submission: Submission
    number: int

    @property
    def label(self) -> str:
        """One that stays the same when lines are moved: `scan: before -> after`; a second one has #2."""
        label = f"{self.function}: {self.before} -> {self.after}".strip()
        return label if self.number == 1 else f"{label} #{self.number}"

    @property
    def diff(self) -> str:
        """The change, as `diff` shows it."""
        return f"line {self.line}\n- {self.before}\n+ {self.after}"


# A way to change a node of the tree, in a copy of it; None where it doesn't apply.
Change = Callable[[ast.AST], ast.AST | list[ast.stmt] | None]
LOAD = ast.Load()


def mutants(problem: Problem) -> Iterator[Mutant]:
    """Those of a problem's GPU version: of the kernel, and of device functions in the same file."""
    whole = submission(problem.gpu)
    seen = {function.source for function in whole.functions}
    labels: Counter[tuple[str, str, str]] = Counter()
    for place, function in enumerate(whole.functions):
        if function.file != whole.kernel.file:
            continue  # another problem's
        for kind, line, source, names in _changed(function):
            if source not in seen or names != function.names:
                seen.add(source)
                changed = replace(function, source=source, names=names)
                functions = (*whole.functions[:place], changed, *whole.functions[place + 1 :])
                label = (function.name, *_difference(function, changed))
                labels[label] += 1
                name, before, after = label
                yield Mutant(kind, name, line, before, after, Submission(functions), labels[label])


def _changed(function: Function) -> Iterator[tuple[str, int, str, dict[str, tuple[str, object]]]]:
    for kind, line, source in changed_sources(function.source):
        yield kind, function.line + line - 1, source, dict(function.names)
    for name, meaning in _other_types(function):
        yield "type of a number", function.line, function.source, {**function.names, name: meaning}


def changed_sources(source: str) -> Iterator[tuple[str, int, str]]:
    """Any code with one mistake at a time: its kind, its line, and the changed code without comments."""
    tree = ast.parse(source)
    # Written again before it is changed, so that only the change differs.
    for number, node in enumerate(ast.walk(tree)):
        for kind, change in CHANGES:
            if (new := change(node)) is not None:
                yield kind, getattr(node, "lineno", 1), ast.unparse(_exchanged(tree, number, new))


def _exchanged(tree: ast.Module, number: int, new: ast.AST | list[ast.stmt]) -> ast.Module:
    changed = copy.deepcopy(tree)
    old = list(ast.walk(changed))[number]
    for parent in ast.walk(changed):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
            elif isinstance(value, list) and any(one is old for one in value):
                place = next(n for n, one in enumerate(value) if one is old)
                value[place : place + 1] = new if isinstance(new, list) else [new]
                if not value and field == "body":
                    value.append(ast.Pass())
    return ast.fix_missing_locations(changed)


def _difference(old: Function, new: Function) -> tuple[str, str]:
    if old.source != new.source:
        return difference(old.source, new.source)
    name = next(name for name in old.names if old.names[name] != new.names[name])
    return f"{name} is a float32", f"{name} is a float64"


def difference(old: str, new: str) -> tuple[str, str]:
    """The lines of one code that the other has not, and the other way round, without indents and comments."""
    before, after = (
        [line.strip() for line in ast.unparse(ast.parse(one)).splitlines()] for one in (old, new)
    )
    parts = [
        part for part in difflib.SequenceMatcher(None, before, after).get_opcodes() if part[0] != "equal"
    ]
    left = "; ".join(line for _, a, b, _, _ in parts for line in before[a:b])
    right = "; ".join(line for _, _, _, c, d in parts for line in after[c:d])
    return left, right


def _path(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""


def _call(node: ast.AST) -> tuple[str, list[ast.expr]]:
    return (_path(node.func), node.args) if isinstance(node, ast.Call) else ("", [])


def _without_barrier(node: ast.AST) -> list[ast.stmt] | None:
    barriers = ("cuda.syncthreads", "cuda.syncwarp")
    return [] if isinstance(node, ast.Expr) and _call(node.value)[0] in barriers else None


def _without_guard(node: ast.AST) -> list[ast.stmt] | None:
    return node.body if isinstance(node, ast.If) and not node.orelse else None


def _without_part_of_guard(node: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        rest = node.values[1:]
        return rest[0] if len(rest) == 1 else ast.BoolOp(ast.And(), rest)
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
    return None


def _without_atomic(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node.value) if isinstance(node, ast.Expr) else ("", [])
    if path not in ("cuda.atomic.add", "cuda.atomic.sub"):
        return None
    target = ast.Subscript(arguments[0], arguments[1], ast.Store())
    return ast.AugAssign(target, ast.Add() if path.endswith("add") else ast.Sub(), arguments[2])


def _other_comparison(node: ast.AST) -> ast.AST | None:
    exchange = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
    if not isinstance(node, ast.Compare) or type(node.ops[-1]) not in exchange:
        return None
    return ast.Compare(node.left, [*node.ops[:-1], exchange[type(node.ops[-1])]()], node.comparators)


def _other_stride(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node)
    if path == "range" and len(arguments) == 3 and _path(arguments[2]) != "cuda.blockDim.x":
        step = ast.parse("cuda.blockDim.x", mode="eval").body
        return ast.Call(ast.Name("range", LOAD), [*arguments[:2], step], [])
    return None


def _step_of_one(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node)
    if path == "range" and len(arguments) == 3:
        return ast.Call(ast.Name("range", LOAD), arguments[:2], [])
    return None


def _without_block(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node)
    if path == "cuda.grid" and arguments:
        axes = ("x", "y", "z")[: getattr(arguments[0], "value", 1)]
        places = ", ".join(f"cuda.threadIdx.{axis}" for axis in axes)
        return ast.parse(f"({places})" if len(axes) > 1 else places, mode="eval").body
    if path == "cuda.gridsize":
        return ast.parse("cuda.blockDim.x", mode="eval").body
    return ast.Constant(0) if _path(node).startswith("cuda.blockIdx.") else None


def _swapped(node: ast.AST) -> ast.AST | None:
    """Axes: of a result with two names, of an index with two places."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        names = node.targets[0].elts
        if len(names) == 2 and _call(node.value)[0] == "cuda.grid":
            return ast.Assign([ast.Tuple(names[::-1], ast.Store())], node.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) >= 2:
        first, second, *others = node.slice.elts
        return ast.Subscript(node.value, ast.Tuple([second, first, *others], LOAD), node.ctx)
    return None


def _without_start(node: ast.AST) -> list[ast.stmt] | None:
    """An element that is set to a constant: shared memory, or an output."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        value = node.value
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper()):
            return []
    return None


def _one_off(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node)
    if path == "range" and arguments:
        end = 0 if len(arguments) == 1 else 1
        changed = list(arguments)
        changed[end] = ast.BinOp(changed[end], ast.Sub(), ast.Constant(1))
        return ast.Call(ast.Name("range", LOAD), changed, [])
    return None


def _one_further(node: ast.AST) -> ast.AST | None:
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.slice, ast.Name)
    ):
        return ast.Subscript(node.value, ast.BinOp(node.slice, ast.Add(), ast.Constant(1)), node.ctx)
    return None


def _other_sign(node: ast.AST) -> ast.AST | None:
    exchange: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
    if isinstance(node, ast.BinOp) and type(node.op) in exchange:
        return ast.BinOp(node.left, exchange[type(node.op)](), node.right)
    return None


def _plain_number(node: ast.AST) -> ast.AST | None:
    path, arguments = _call(node)
    if path == "np.float32" and len(arguments) == 1 and isinstance(arguments[0], ast.Constant):
        return ast.Constant(float(arguments[0].value))  # type: ignore[arg-type]  # a number, as it is in float32
    return None


CHANGES: tuple[tuple[str, Change], ...] = (
    ("barrier dropped", _without_barrier),
    ("guard dropped", _without_guard),
    ("half a guard", _without_part_of_guard),
    ("atomic dropped", _without_atomic),
    ("< or <=", _other_comparison),
    ("other stride", _other_stride),
    ("stride of one", _step_of_one),
    ("block forgotten", _without_block),
    ("axes swapped", _swapped),
    ("not initialised", _without_start),
    ("loop ends early", _one_off),
    ("one element further", _one_further),
    ("+ or -", _other_sign),
    ("type of a number", _plain_number),
)


def _other_types(function: Function) -> Iterator[tuple[str, tuple[str, object]]]:
    for name, (sort, value) in function.names.items():
        if sort == NUMBER and value[0] == "float32":
            yield name, (NUMBER, ["python", value[1]])
