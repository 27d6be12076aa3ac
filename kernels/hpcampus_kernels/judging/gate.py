"""What the source of a kernel may say: `refusal` reads it before anything of it runs.

Kernels are a small language: numbers, arrays, loops, branches, and the functions of `cuda` and `math`. All of
it is allowed by name here, and everything else is refused by name: imports, NumPy's functions, attributes
that lead to frames, types or modules, and whatever could be a way out of the kernel.
"""

import ast
import math
from collections.abc import Iterator

from hpcampus_kernels.judging.submission import (
    CUDA,
    FUNCTION,
    MATH,
    MODULE,
    NUMBER,
    TUPLE,
    TYPE,
    UNKNOWN,
    Function,
    Meaning,
    Submission,
)
from hpcampus_kernels.simulated import DEVICE_NAMES

BUILTINS = {"range", "len", "min", "max", "abs", "int", "float", "bool", "complex", "round", "pow"}
BUILTINS |= {"enumerate", "zip", "NotImplementedError"}
TYPES = {"float16", "float32", "float64", "complex64", "complex128", "bool_", "boolean", "intp", "uintp"}
TYPES |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
MODULES = {
    "numpy": TYPES | {"pi", "e", "inf", "nan"},
    "numba": TYPES | {"types", "cuda", "void"},
    "math": {name for name in dir(math) if not name.startswith("_")},
}
# What lies below a name of `cuda`. It is a list because the simulator's own objects have more than a device.
DEVICE_PARTS = {
    **{name: {"x", "y", "z"} for name in ("threadIdx", "blockIdx", "blockDim", "gridDim")},
    **{name: {"array"} for name in ("shared", "local")},
    "const": {"array_like"},
    "cg": {"this_grid"},
    "atomic": {"add", "sub", "max", "min", "nanmax", "nanmin", "and_", "or_", "xor"}
    | {"inc", "dec", "exch", "cas", "compare_and_swap"},
}
ATTRIBUTES = frozenset(["shape", "size", "ndim", "dtype", "x", "y", "z", "real", "imag", "T", "sync"])
STATEMENTS = (
    ast.Return,
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.For,
    ast.While,
    ast.If,
    ast.Expr,
    ast.Pass,
    ast.Break,
    ast.Continue,
    ast.Raise,
)
EXPRESSIONS = (
    ast.BoolOp,
    ast.BinOp,
    ast.UnaryOp,
    ast.IfExp,
    ast.Compare,
    ast.Call,
    ast.Constant,
    ast.Attribute,
    ast.Subscript,
    ast.Name,
    ast.Tuple,
    ast.List,
    ast.Slice,
)
PARTS = (
    ast.operator,
    ast.boolop,
    ast.unaryop,
    ast.Eq,
    ast.NotEq,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.expr_context,
    ast.arguments,
    ast.arg,
    ast.keyword,
)


def refusal(submitted: Submission) -> str | None:
    """Why this source isn't run, with its line; None if there is nothing against it."""
    for function in submitted.functions:
        try:
            (definition,) = ast.parse(function.source).body
        except (SyntaxError, ValueError, RecursionError):
            return f"The source of {function.name} can't be read."
        if not isinstance(definition, ast.FunctionDef):
            return f"{function.name} is no function."
        if any(not _sound(meaning, len(submitted.functions)) for meaning in function.names.values()):
            return f"The names in {function.name} can't be read."
        for line, reason in _Reader(function, definition).reasons():
            return f"{reason} (line {function.line + line - 1})."
    return None


class _Reader:
    def __init__(self, function: Function, definition: ast.FunctionDef) -> None:
        self._function, self._definition = function, definition
        given = definition.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs]
        stored = (
            node.id
            for node in ast.walk(definition)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        self._local = {argument.arg for argument in arguments} | set(stored)

    def reasons(self) -> Iterator[tuple[int, str]]:
        """Each with its line in the function."""
        given = self._definition.args
        if given.vararg or given.kwarg or given.defaults or given.kw_defaults:
            yield 1, f"{self._function.name} has parameters with * or with a default, and a kernel has none"
        # Annotations mean nothing on a device, and nothing of them is kept.
        for statement in self._definition.body:
            for node in ast.walk(statement):
                if reason := self._reason(node):
                    yield getattr(node, "lineno", statement.lineno), reason

    def _reason(self, node: ast.AST) -> str | None:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Raise):
            return self._raise(node)
        if not isinstance(node, (*STATEMENTS, *EXPRESSIONS, *PARTS)):
            return f"A kernel can't have this here: {_shown(node)}"
        return None

    def _name(self, node: ast.Name) -> str | None:
        name = node.id
        if name.startswith("__"):
            return f"{name} is no name for a kernel"
        if name in self._local:
            return None
        meaning = self._function.names.get(name)
        if meaning is None:
            return (
                None
                if name in BUILTINS
                else f"{name} means nothing in a kernel: is it spelt as it was defined?"
            )
        if _unknown(meaning):
            what = meaning[1] if meaning[0] in (UNKNOWN, MODULE) else "tuple with such in it"
            return f"{name} is a {what}: a kernel can use numbers, types, cuda, math and device functions"
        return None

    def _attribute(self, node: ast.Attribute) -> str | None:
        path = _path(node)
        first, *rest = path or [""]
        # A name that means nothing here says more than what would be below it.
        if path and (reason := self._name(ast.Name(first))):
            return reason
        meaning = self._function.names.get(first) if first not in self._local else None
        if path and meaning and meaning[0] in (MODULE, CUDA):
            fine = _of_module(meaning[1], rest) if meaning[0] == MODULE else _on_device(meaning[1], rest)
            return None if fine else f"{'.'.join(path)} is no part of a kernel"
        return None if node.attr in ATTRIBUTES else f".{node.attr} is no part of a kernel"

    def _raise(self, node: ast.Raise) -> str | None:
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(error, ast.Name) and error.id == "NotImplementedError" and node.cause is None:
            return None
        return "A kernel on a GPU can't raise exceptions"


def _of_module(module: str, path: list[str]) -> bool:
    if module == "numba" and path[0] == "cuda":
        return len(path) == 1 or _on_device("", path[1:])
    if module == "numba" and path[0] == "types":
        return len(path) == 1 or (len(path) == 2 and path[1] in TYPES)
    return len(path) == 1 and path[0] in MODULES.get(module, set())


def _on_device(before: str, path: list[str]) -> bool:
    """Whether `cuda.…` is something that kernels use; `before` is the part that was imported by its name."""
    first, *rest = [*before.split("."), *path] if before else path
    if not rest:
        return first in DEVICE_NAMES
    if first == "random":
        return len(rest) == 1 and rest[0].startswith("xoroshiro128p_")
    return len(rest) == 1 and rest[0] in DEVICE_PARTS.get(first, set())


def _sound(meaning: Meaning, functions: int) -> bool:
    """Whether it is one of ours. It came from a process in which everything may have been exchanged."""
    sort, value = meaning
    if sort == TUPLE:
        return all(_sound((one[0], one[1]), functions) for one in value)
    if sort == FUNCTION:
        return isinstance(value, int) and 0 <= value < functions
    if sort == CUDA:
        return not value or _on_device(str(value), [])
    if sort == TYPE:
        package, name = value
        return package in ("numpy", "numba") and name in TYPES | {"bool"}
    if sort == NUMBER:
        return value[0] == "python" or value[0] in TYPES | {"bool"}
    return str(value) in MODULES["math"] if sort == MATH else sort in (MODULE, UNKNOWN)


def _unknown(meaning: Meaning) -> bool:
    sort, value = meaning
    if sort == TUPLE:
        return any(_unknown(one) or one[0] == MODULE for one in value)
    return sort == UNKNOWN or (sort == MODULE and value not in MODULES)


def _path(node: ast.expr) -> list[str] | None:
    """`cuda.atomic.add` as a list, if it starts with a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _path(node.value)):
        return [*before, node.attr]
    return None


def _shown(node: ast.AST) -> str:
    return (
        ast.unparse(node).splitlines()[0][:60]
        if isinstance(node, (ast.stmt, ast.expr))
        else type(node).__name__
    )
