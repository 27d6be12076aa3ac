"""Solutions and hidden tests that learners can read all the same: the release has them elsewhere, too."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpcampus_courses.notebook import Cell, Notebook

from hpcampus_grading.generate import learners_version

_HIDDEN = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)### END \1", re.DOTALL)
# A short line, such as `return x.sum()`, is what anybody writes, also in a test or an example.
_TELLING = 60


def leaks(source: Path, notebook: str) -> Iterator[str]:
    """Sentences about what is hidden in a notebook but not in its release; `source` is the notebook's folder.

    Spaces and line breaks don't matter.
    """
    author = Notebook.load(source / notebook)
    with tempfile.TemporaryDirectory(prefix="hpcampus-") as workshop:
        released = dict(_released(learners_version(source, Path(workshop), source.name)))
    for cell in author.cells:
        for secret in _hidden(cell):
            for where in (where for where, text in released.items() if secret in text):
                yield f"what is hidden in cell {cell.name} can be read in {where}: {secret[:_TELLING]}"


def _hidden(cell: Cell) -> Iterator[str]:
    for _, text in _HIDDEN.findall(cell.source):
        secret = _plain(text)
        if len(secret) > _TELLING:
            yield secret


def _released(folder: Path) -> Iterator[tuple[str, str]]:
    """All texts that learners get, each with where it stands."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".ipynb":
            for cell in Notebook.load(path).cells:
                yield f"cell {cell.name} of {path.name}", _plain(cell.source)
        else:
            yield str(path.relative_to(folder)), _plain(path.read_text(encoding="utf-8", errors="replace"))


def _plain(text: str) -> str:
    return " ".join(text.split())
