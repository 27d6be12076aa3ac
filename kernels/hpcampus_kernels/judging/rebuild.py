"""A kernel made again from its source, with nothing in its namespace but what kernels use."""

import ast
import builtins
import linecache
import math
from collections.abc import Callable, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any

import numba
import numpy as np

from hpcampus_kernels import backend
from hpcampus_kernels.judging.gate import BUILTINS
from hpcampus_kernels.judging.submission import (
    CUDA,
    FUNCTION,
    MATH,
    MODULE,
    NUMBER,
    TUPLE,
    TYPE,
    Function,
    Meaning,
    Submission,
)


def rebuilt(submitted: Submission, device: Callable[[FunctionType], Any] = lambda f: f) -> FunctionType:
    """The kernel as a plain function; `gate.refusal` must have found nothing against it.

    `device` is what the compiler makes of the device functions that it calls; the simulator needs nothing.
    """
    _show_sources(submitted)
    functions = [_empty(function) for function in submitted.functions]
    known = [functions[0], *map(device, functions[1:])]
    for function, new in zip(submitted.functions, functions, strict=True):
        for name, meaning in function.names.items():
            new.__globals__[name] = _value(meaning, known)
    return functions[0]


def _empty(function: Function) -> FunctionType:
    tree = ast.parse(function.source)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    for node in ast.walk(definition):
        if isinstance(node, ast.arg):
            node.annotation = None
    definition.returns = None
    ast.increment_lineno(tree, function.line - 1)
    # No `__builtins__` but these: Python would put all of them in.
    allowed = {name: getattr(builtins, name) for name in BUILTINS}
    namespace: dict[str, Any] = {"__builtins__": allowed, "__name__": "kernel"}
    exec(compile(tree, function.file, "exec"), namespace)  # noqa: S102 - read by the gate before
    new = namespace.pop(function.name)
    assert isinstance(new, FunctionType)
    return new


def _show_sources(submitted: Submission) -> None:
    """Let tracebacks and findings quote the lines, at the numbers they have in their files."""
    texts: dict[str, list[str]] = {}
    for function in submitted.functions:
        lines, own = (
            texts.setdefault(function.file, []),
            [f"{line}\n" for line in function.source.splitlines()],
        )
        lines += ["\n"] * (function.line - 1 + len(own) - len(lines))
        lines[function.line - 1 : function.line - 1 + len(own)] = own
    for file, lines in texts.items():
        linecache.cache[file] = len("".join(lines)), None, lines, file


def _value(meaning: Meaning, functions: Sequence[Any]) -> Any:  # noqa: PLR0911 - one for each sort
    sort, value = meaning
    if sort == NUMBER:
        kind, text = value
        number = float(text) if text in ("nan", "inf", "-inf") else ast.literal_eval(text)
        return number if kind == "python" else np.dtype(kind).type(number)
    if sort == TYPE:
        package, name = value
        return getattr(numba.types, name) if package == "numba" else np.dtype(name).type
    if sort == MATH:
        return getattr(math, value)
    if sort == FUNCTION:
        return functions[value]
    if sort == TUPLE:
        return tuple(_value((one[0], one[1]), functions) for one in value)
    if sort == CUDA:
        found: Any = backend.cuda
        for name in value.split(".") if value else ():
            found = getattr(found, name)
        return found
    return {"math": math, "numpy": np, "numba": numba}[value] if sort == MODULE else SimpleNamespace()
