"""What a course's own notebooks import: a warm parent does it once, before any submission is there.

Learners' notebooks have no say: what they import runs in their own sandbox.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
_MOST = 100


def imports_of(notebooks: Iterable[Path]) -> tuple[str, ...]:
    """The modules that the code cells of these notebooks name, in their order; none of what can't be read."""
    found = dict.fromkeys(name for path in notebooks for name in _of_notebook(path, _changed(path)))
    return tuple(found)[:_MOST]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _of_notebook(path: Path, _changed: int) -> tuple[str, ...]:
    return tuple(_named_in(path))


def _named_in(path: Path) -> Iterator[str]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for source in sources:
        tree = parsed(source)
        for node in ast.walk(tree) if tree else ():
            yield from _of_statement(node)


def parsed(source: str) -> ast.Module | None:
    """A cell as a tree, without IPython's own lines; None where it is no Python."""
    try:
        return ast.parse(_MAGIC.sub("", source))
    except (SyntaxError, ValueError):
        return None


def _of_statement(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        # What is imported from it may be a module as well; what isn't one is skipped when it is tried.
        yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
