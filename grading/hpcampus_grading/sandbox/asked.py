"""What learners are asked for, from the cells of the course's own notebooks that they may change."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbgrader.utils import is_locked

from hpcampus_grading.sandbox.imports import parsed


class Asked(NamedTuple):
    """Names that these cells define, and names that they mention: what those hold they may change."""

    defined: frozenset[str]
    mentioned: frozenset[str]


def asked_of(notebooks: Iterable[Path]) -> Asked:
    """Of some notebooks, whatever way a name is bound."""
    found = [_of_notebook(path, path.stat().st_mtime_ns) for path in notebooks]
    return Asked(
        frozenset().union(*(one.defined for one in found)),
        frozenset().union(*(one.mentioned for one in found)),
    )


@lru_cache(maxsize=256)
def _of_notebook(path: Path, _changed: int) -> Asked:
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not is_locked(cell)]
    trees = [tree for tree in map(parsed, cells) if tree]
    return Asked(
        frozenset(name for tree in trees for name in _bound(tree)),
        frozenset(node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)),
    )


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
