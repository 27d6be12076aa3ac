"""A class's homework: a notebook with four questions, and what nineteen learners made of it.

Two kinds: `numpy`, and `numba`, in which two answers are compiled when the tests call them.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ASSIGNMENT, COURSE = "ps1", "bench"
KINDS = ("numba", "numpy")

_SQUARES = "def squares(x):\n    return {}"
_LARGEST = "def largest(x):\n    return {}"
_TOTAL = {
    "numba": "@njit\ndef total(x):\n    s = 0.0\n    for i in range(x.size):\n        s += {}\n    return s",
    "numpy": "def total(x):\n    return np.sum({})",
}
_SMOOTH = {
    "numba": (
        "@njit\ndef smooth(x):\n    y = np.zeros_like(x)\n    for i in range(1, x.size - 1):\n"
        "        y[i] = {}\n    return y"
    ),
    "numpy": (
        "def smooth(x):\n    y = np.zeros_like(x)\n    left, mid, right = x[:-2], x[1:-1], x[2:]\n"
        "    y[1:-1] = {}\n    return y"
    ),
}
_RIGHT = {
    "numba": ("x[i]", "(x[i - 1] + x[i] + x[i + 1]) / 3"),
    "numpy": ("x", "(left + mid + right) / 3"),
}
_WRONG = {"numba": "1.0", "numpy": "np.ones_like(x)"}
LEARNERS = 19
"""So many are there; then they repeat."""


def answers(kind: str, learner: int) -> list[str]:
    """What this learner wrote: ten are right, five partly, three raise, one has nothing."""
    place = learner % LEARNERS
    total, smooth = _RIGHT[kind]
    right = [
        _SQUARES.format("x ** 2"),
        _TOTAL[kind].format(total),
        _SMOOTH[kind].format(smooth),
        _LARGEST.format("int(np.argmax(x))"),
    ]
    if place < 10:
        return right
    if place < 15:
        half = [_SQUARES.format("x * 2"), _TOTAL[kind].format(_WRONG[kind])]
        return [half[0], half[1] if place % 2 else right[1], *right[2:]]
    if place < 18:
        return [right[0], "def total(x):\n    raise ValueError('not yet')", *right[2:]]
    return [""] * 4


_TESTS = (
    ("squares(np.array([1.0, 2.0])).tolist() == [1.0, 4.0]", "squares(np.arange(5)).sum() == 30"),
    ("total(np.ones(10)) == 10", "abs(total(np.arange(1000.0)) - 499500) < 1e-6"),
    ("smooth(np.ones(5)).tolist() == [0, 1, 1, 1, 0]", "abs(smooth(np.arange(100.0))[50] - 50) < 1e-9"),
    ("largest(np.array([1, 9, 3])) == 1", "largest(np.array([5, 1])) == 0"),
)
NAMES = ("squares", "total", "smooth", "largest")


def imports(kind: str) -> str:
    """The first cell."""
    return "import numpy as np\nfrom numba import njit" if kind == "numba" else "import numpy as np"


def tests() -> Iterator[tuple[str, str]]:
    """A visible and a hidden assertion for each question."""
    for visible, hidden in _TESTS:
        yield f"assert {visible}", f"assert {hidden}"


def source_notebook(kind: str) -> Any:
    """The instructor's version: 15 cells, 12 points by tests and one answer for a person."""
    notebook = new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.cells.append(new_code_cell(imports(kind)))
    for name, answer, (visible, hidden) in zip(NAMES, answers(kind, 0), tests(), strict=True):
        solution = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
        test = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        notebook.cells += [
            new_markdown_cell(f"## {name}\nWrite the function `{name}` of an array `x`."),
            _marked(new_code_cell(solution), name, solution=True),
            _marked(new_code_cell(test), f"{name}-test", points=3, grade=True, locked=True),
        ]
    last = _marked(new_markdown_cell("Because."), "why", solution=True, grade=True, points=2)
    notebook.cells += [new_markdown_cell("## why\nWhy is it so?"), last]
    return notebook


def submit(course: Path, kind: str, learners: Sequence[int]) -> None:
    """Put everybody's version of the released notebook where nbgrader collects them."""
    released = (course / "release" / ASSIGNMENT / "ps1.ipynb").read_text(encoding="utf-8")
    shutil.rmtree(course / "submitted", ignore_errors=True)
    for learner in learners:
        notebook = nbformat.reads(released, as_version=4)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
        for name, answer in zip(NAMES, answers(kind, learner), strict=True):
            if answer:
                cells[name].source = answer
        folder = course / "submitted" / f"learner{learner:03}" / ASSIGNMENT
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "ps1.ipynb")


def _marked(cell: Any, grade_id: str, **flags: Any) -> Any:
    kind = {"grade": False, "solution": False, "locked": False, "task": False, **flags}
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": grade_id, **kind}
    return cell
