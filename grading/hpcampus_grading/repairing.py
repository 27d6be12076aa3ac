"""Repairs a submission's cells before nbgrader looks at them: a copied or deleted cell costs no others.

Which cells there are, of which type and worth what, is the gradebook's word alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook, GradeCell, TaskCell
from nbgrader.preprocessors import NbGraderPreprocessor

Step = tuple[NotebookNode, dict[str, Any]]
_SCHEMA = 3
_MAKE: Mapping[str, Callable[..., Any]] = {"code": new_code_cell, "markdown": new_markdown_cell}


@dataclass(frozen=True)
class _Known:
    """A cell of the assignment; `needed` when it must be there although the learner removed it."""

    metadata: Mapping[str, Any]
    source: str
    needed: bool


class RepairCells(NbGraderPreprocessor):  # type: ignore[misc]
    """Stands where nbgrader's `DeduplicateIds` stood, after which a copied cell fails the whole submission.

    Of several cells with one id the last counts, as with nbgrader. What learners wrote stays in every case.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Step:
        """Give each cell the metadata that the gradebook knows, and bring missing ones back."""
        where = resources["nbgrader"]
        with Gradebook(where["db_url"]) as gradebook:
            known = known_cells(gradebook, where["notebook"], where["assignment"])
        places: dict[str, NotebookNode] = {}
        for index in reversed(range(len(nb.cells))):
            nb.cells[index] = self._repaired(nb.cells[index], known, places)
        for name, cell in known.items():
            if cell.needed and name not in places:
                self.log.warning("Cell %r is missing and was brought back", name)
                places[name] = _restored(cell)
                nb.cells.insert(_place(name, list(known), places, nb.cells), places[name])
        return nb, resources

    def _repaired(
        self, cell: NotebookNode, known: Mapping[str, _Known], places: dict[str, NotebookNode]
    ) -> NotebookNode:
        found = cell.metadata.pop("nbgrader", None)
        name = found.get("grade_id") if isinstance(found, dict) else None
        if not isinstance(name, str) or name not in known:
            return cell
        if name in places:
            self.log.warning("Cell %r is there several times; the last one counts", name)
            return cell
        kind = known[name].metadata["cell_type"]
        if cell.cell_type != kind:
            self.log.warning("Cell %r was turned into another type, and is %s again", name, kind)
            cell = _retyped(cell, kind)
        cell.metadata["nbgrader"] = NotebookNode(known[name].metadata)  # type: ignore[no-untyped-call]
        places[name] = cell
        return cell


def _retyped(cell: NotebookNode, kind: str) -> NotebookNode:
    """The same text as another kind of cell; what else came with it is not checked and may be anything."""
    made: NotebookNode = _MAKE[kind](cell.source)
    made.metadata = cell.metadata
    del made["id"]  # older notebooks have none
    if "id" in cell:
        made["id"] = cell["id"]
    return made


def known_cells(gradebook: Any, name: str, assignment: str) -> Mapping[str, _Known]:
    """The cells of an assignment's notebook by name, in the order of the assignment."""
    database, notebook = gradebook.db, gradebook.find_notebook(name, assignment)
    graded, tasks = (
        {cell.name: cell.max_score for cell in database.query(kind).filter_by(notebook_id=notebook.id)}
        for kind in (GradeCell, TaskCell)
    )
    points = graded | tasks
    solutions = {cell.name for cell in notebook.solution_cells}
    found = {}
    for cell in notebook.source_cells:
        metadata = {
            "schema_version": _SCHEMA,
            "grade_id": cell.name,
            "grade": cell.name in graded,
            "solution": cell.name in solutions,
            "task": cell.name in tasks,
            "locked": bool(cell.locked),
            "cell_type": cell.cell_type,
        }
        if cell.checksum:
            metadata["checksum"] = cell.checksum
        if cell.name in points:
            metadata["points"] = points[cell.name]
        found[cell.name] = _Known(metadata, cell.source, bool(cell.locked) or cell.name in points)
    return found


def _restored(cell: _Known) -> NotebookNode:
    metadata = {"nbgrader": NotebookNode(cell.metadata)}  # type: ignore[no-untyped-call]
    restored: NotebookNode = _MAKE[cell.metadata["cell_type"]](cell.source, metadata=metadata)
    return restored


def _place(name: str, order: list[str], places: Mapping[str, NotebookNode], cells: list[NotebookNode]) -> int:
    """After the nearest cell that stood before it, or before the nearest that stood after it."""
    here = order.index(name)
    before = [other for other in order[:here] if other in places]
    after = [other for other in order[here + 1 :] if other in places]
    for others, step in ((before[-1:], 1), (after[:1], 0)):
        for other in others:
            return next(i for i, cell in enumerate(cells) if cell is places[other]) + step
    return len(cells)
