"""The syntax tree of a kernel, from the file or the notebook cell that it stands in."""

import ast
import linecache
from functools import lru_cache
from types import FunctionType

from hpcampus_kernels.simulator.values import UnsupportedError


@lru_cache(maxsize=64)
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def definition(function: FunctionType) -> ast.FunctionDef:
    """The `def` of a function, with the line numbers of its file."""
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    if text:
        for node in ast.walk(_parsed(text)):
            if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
    raise UnsupportedError(
        f"the simulator needs the source of {function.__name__}, and there is none: "
        "define it in a file or in a notebook cell"
    )
