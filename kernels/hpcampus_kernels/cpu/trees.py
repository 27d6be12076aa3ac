"""Pieces of syntax trees: names, loops over the threads of a block, functions."""

import ast
from typing import Any

# The dynamic shared memory of a block, in bytes.
DYNAMIC = "_dynamic_memory"


class LocalArray(ast.Call):
    """An array of its own for each thread."""


def name(text: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(text, ast.Load())


def stored(text: str) -> ast.Name:
    """A name that is set."""
    return ast.Name(text, ast.Store())


def parsed(text: str) -> ast.expr:
    """The expression of that text."""
    return ast.parse(text, mode="eval").body


def statements(text: str) -> list[ast.stmt]:
    """The statements of that text."""
    return ast.parse(text).body


def assigned(target: str, value: ast.expr) -> ast.stmt:
    """target = value."""
    return ast.Assign([stored(target)], value)


def product(*factors: str) -> ast.expr:
    """The product of some names."""
    made: ast.expr = name(factors[0])
    for factor in factors[1:]:
        made = ast.BinOp(made, ast.Mult(), name(factor))
    return made


def counted(variable: str, several: ast.expr, body: list[ast.stmt], loop: str = "range") -> ast.stmt:
    """for variable in range(several): body."""
    return ast.For(stored(variable), ast.Call(name(loop), [several], []), body, [])


def all_threads(body: list[ast.stmt]) -> ast.stmt:
    """The body for each thread of a block, x first; `_thread` is its number."""
    number = ast.parse(
        "_thread = (_threadIdx_z * _blockDim_y + _threadIdx_y) * _blockDim_x + _threadIdx_x"
    ).body
    inner = counted("_threadIdx_x", name("_blockDim_x"), [*number, *body])
    rows = counted("_threadIdx_y", name("_blockDim_y"), [inner])
    return counted("_threadIdx_z", name("_blockDim_z"), [rows])


def all_blocks(body: list[ast.stmt], loop: str) -> ast.stmt:
    """The body for each block of the grid, x first."""
    place = ast.parse(
        "_blockIdx_x = _block % _gridDim_x\n"
        "_blockIdx_y = _block // _gridDim_x % _gridDim_y\n"
        "_blockIdx_z = _block // _gridDim_x // _gridDim_y\n"
    ).body
    return counted("_block", product("_gridDim_x", "_gridDim_y", "_gridDim_z"), [*place, *body], loop)


def function(text: str, parameters: list[str], body: list[ast.stmt], names: dict[str, Any]) -> Any:
    """A function of that body."""
    arguments = ast.arguments([], [ast.arg(p) for p in parameters], None, [], [], None, [])
    made = ast.FunctionDef(text, arguments, body or [ast.Pass()], [])
    made.type_params = []  # type: ignore[attr-defined]  # since Python 3.12
    tree = ast.fix_missing_locations(ast.Module([made], []))
    names = dict(names)
    exec(compile(tree, f"<{text} on the CPU>", "exec"), names)  # noqa: S102 - the kernel itself
    return names[text]
