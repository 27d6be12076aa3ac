"""What the instructor's cells define for tests: which names, and which of them a test reaches."""

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from hpcampus_grading.sandbox.imports import parsed

_BUILTIN = frozenset(name for name in dir(builtins) if not name.startswith("_"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@lru_cache(maxsize=4096)
def given_by(source: str) -> Mapping[str, frozenset[str]]:
    """The names that a cell defines, each with those that its definition uses."""
    tree = parsed(source)
    found: dict[str, frozenset[str]] = {}
    for name, statement in _defined(tree.body) if tree else ():
        found[name] = found.get(name, frozenset()) | _used(statement)
    return found


@lru_cache(maxsize=4096)
def set_within(source: str) -> frozenset[str]:
    """The names that functions of a cell set for everybody: `global`."""
    tree = parsed(source)
    nodes = ast.walk(tree) if tree else ()
    return frozenset(name for node in nodes if isinstance(node, ast.Global) for name in node.names)


def reached_by(source: str, earlier: Iterable[str]) -> frozenset[str]:
    """The names from earlier cells that a cell uses, itself or through what they define.

    With those of Python's own that functions use, the cell's among them.
    """
    given: dict[str, frozenset[str]] = {}
    for cell in earlier:
        for name, used in given_by(cell).items():
            given[name] = given.get(name, frozenset()) | used
    used_here = _used_by(source)
    left = set(given if used_here is None else used_here & given.keys()) | _own_in_functions(source)
    found: set[str] = set()
    while left:
        name = left.pop()
        found.add(name)
        left |= (given.get(name, frozenset()) & (given.keys() | _BUILTIN)) - found
    return frozenset(found)


def builtins_in(source: str, earlier: Iterable[str]) -> frozenset[str]:
    """The names of Python's own that a cell means as such: neither it nor an earlier cell defines them."""
    used = _used_by(source) or frozenset()
    return (used & _BUILTIN).difference(*(given_by(cell).keys() for cell in (source, *earlier)))


@lru_cache(maxsize=4096)
def _used_by(source: str) -> frozenset[str] | None:
    """The names that a cell uses; None where it is no Python."""
    tree = parsed(source)
    return None if tree is None else _used(tree)


@lru_cache(maxsize=4096)
def _own_in_functions(source: str) -> frozenset[str]:
    """The names of Python's own that functions of a cell use."""
    tree = parsed(source)
    functions = (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)) if tree else ()
    return frozenset(name for function in functions for name in _used(function) & _BUILTIN)


def _used(tree: ast.AST) -> frozenset[str]:
    """The names that are looked up among the notebook's; not a function's own, which may be called alike."""
    added = (node.target for node in ast.walk(tree) if isinstance(node, ast.AugAssign))
    found = {target.id for target in added if isinstance(target, ast.Name)}
    return frozenset(found).union(_looked_up(symtable.symtable(ast.unparse(tree), "<cell>", "exec")))


def _looked_up(table: symtable.SymbolTable) -> Iterator[str]:
    module = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (module or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _looked_up(inner)


def _defined(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """By name, not those within functions and classes."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            yield from ((name, node) for name in names if name != "*")
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((name, node) for target in targets for name in _stored(target))
        elif isinstance(node, ast.Name):  # of a loop, for example
            yield from ((name, node) for name in _stored(node))
        elif not isinstance(node, _SCOPES):
            yield from _defined(ast.iter_child_nodes(node))


def _stored(target: ast.AST) -> Iterator[str]:
    nodes = (node for node in ast.walk(target) if isinstance(node, ast.Name))
    return (node.id for node in nodes if isinstance(node.ctx, ast.Store))
