"""What can be said of a lesson's notebook without running it: form, headings, marks, links, spelling."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from hpcampus_courses.model import Assignment
from hpcampus_courses.notebook import HIDDEN_TESTS, SOLUTION, Cell, Mark, Notebook
from hpcampus_courses.spelling import misspelt

SECTIONS = ("What to remember", "Hand it in")
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)|<img\b([^>]*)>")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_MACHINE = re.compile(r"(?<![\w.])/(home|root|work|tmp)/")
_URL = re.compile(r"\w+://\S+|`[^`\n]*`")
_SCHEMA = 3


def lint(path: Path, assignment: Assignment, course: Path) -> Iterator[str]:
    """Sentences about what is wrong with an assignment's notebook; `course` is the course's folder."""
    notebook = Notebook.load(path)
    yield from form(notebook)
    yield from headings(notebook)
    titles = [title for _, title in _headings(notebook)]
    yield from (f"there is no section called {section!r}" for section in SECTIONS if section not in titles)
    yield from marks(notebook, assignment)
    yield from links(notebook, path.parent)
    # The names of functions are words in code only.
    texts = {"text.md": _text(_markdown(notebook)), "code.py": _text(notebook.code)}
    yield from misspelt(texts, course)


def form(notebook: Notebook) -> Iterator[str]:
    """Cells with names of their own, code that compiles, no outputs, and no path of the author's machine."""
    for name, times in Counter(cell.id for cell in notebook.cells).items():
        if times > 1 or not re.fullmatch(r"[a-z0-9-]+", name):
            yield f"cell {name!r} needs a name of its own, of small letters, digits and hyphens"
    for cell in notebook.cells:
        if cell.outputs or cell.execution_count is not None:
            yield f"cell {cell.id} holds the outputs of a run: clear all outputs before you save"
        if found := _MACHINE.search(cell.source):
            yield f"cell {cell.id} names {found[0]}, which is a path of one machine"
    for cell in notebook.code:
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            yield f"cell {cell.id} is not Python: {error}"


def headings(notebook: Notebook) -> Iterator[str]:
    """One title, no level left out, and no two headings alike."""
    found = _headings(notebook)
    levels = [level for level, _ in found]
    if levels.count(1) != 1 or levels[:1] != [1]:
        yield "the notebook must begin with its title, the only heading with one #"
    for (before, _), (after, title) in pairwise(found):
        if after > before + 1:
            yield f"the heading {title!r} leaves out a level: it needs {before + 1} times #"
    for title, times in Counter(title for _, title in found).items():
        if times > 1:
            yield f"{times} headings are called {title!r}: nobody can tell them apart in a list"


def marks(notebook: Notebook, assignment: Assignment) -> Iterator[str]:
    """nbgrader's marks: their form, the sum of the points, and hidden tests behind all automatic points."""
    marked = [(cell, cell.mark) for cell in notebook.cells if cell.mark]
    for name, times in Counter(mark.grade_id for _, mark in marked).items():
        if times > 1:
            yield f"{times} cells have the grade id {name!r}"
    points = sum(mark.points for _, mark in marked if mark.grade)
    if points != assignment.points:
        yield f"the cells are worth {points:g} points, but course.yaml says {assignment.points}"
    for cell, mark in marked:
        yield from (f"cell {cell.name} {sentence}" for sentence in _mark(cell, mark))


def _mark(cell: Cell, mark: Mark) -> Iterator[str]:
    if mark.schema_version != _SCHEMA:
        yield "was marked by another version of nbgrader: open and save it once"
    if mark.solution and SOLUTION not in cell.source:
        yield f"takes an answer, but has no {SOLUTION!r}"
    if mark.automatic and HIDDEN_TESTS not in cell.source:
        yield f"gives points, but has no {HIDDEN_TESTS!r}"
    if mark.automatic and not mark.locked:
        yield "gives points, but learners may change it: mark it as read-only"


def links(notebook: Notebook, folder: Path) -> Iterator[str]:
    """Links to files and headings that are there, and images with words for those who don't see them.

    Learners get the assignment's own folder, nothing beside it.
    """
    anchors = {title.replace(" ", "-") for _, title in _headings(notebook)}
    for cell in _markdown(notebook):
        for alt, attributes in _IMAGE.findall(cell.source):
            if not alt.strip() and not re.search(r"\balt=[\"']?[^\"'\s]", attributes):
                yield f"an image in cell {cell.id} has no alternative text"
        for target in _LINK.findall(_FENCED.sub("", cell.source)):
            name, _, anchor = target.partition("#")
            if "://" in target or target.startswith(("mailto:", "attachment:")):
                continue
            linked = (folder / name).resolve()
            if name and not (linked.exists() and linked.is_relative_to(folder.resolve())):
                yield f"{target} in cell {cell.id} leads nowhere in the assignment's folder"
            if not name and anchor not in anchors:
                yield f"#{anchor} in cell {cell.id} is no heading of this notebook"


def _headings(notebook: Notebook) -> list[tuple[int, str]]:
    lines = [line for cell in _markdown(notebook) for line in _FENCED.sub("", cell.source).splitlines()]
    found = (re.match(r"(#+) (?!BEGIN |END )(.+)", line) for line in lines)
    return [(len(match[1]), match[2].strip()) for match in found if match]


def _markdown(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def _text(cells: Iterable[Cell]) -> str:
    return "\n\n".join(_URL.sub("", cell.source) for cell in cells)
