"""Mutants of code that is no `Problem`: the answer in a cell of a notebook, for whoever checks its tests.

The entry point `hpcampus.mutators` names `cell_mutants`: who checks courses need not import this package.
"""

import ast
from collections import Counter
from collections.abc import Iterator

from hpcampus_kernels.mutation.mutants import changed_sources, difference


def cell_mutants(source: str) -> Iterator[tuple[str, str]]:
    """Each changed version of a cell's code, behind its label `before -> after`; a second such one has #2."""
    seen = {ast.unparse(ast.parse(source))}
    labels: Counter[str] = Counter()
    for _, _, changed in changed_sources(source):
        if changed in seen:
            continue
        seen.add(changed)
        label = " -> ".join(difference(source, changed)).strip()
        labels[label] += 1
        yield (label if labels[label] == 1 else f"{label} #{labels[label]}"), changed
