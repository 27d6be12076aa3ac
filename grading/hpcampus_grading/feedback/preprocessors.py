"""Two steps before feedback becomes a page: the points of checks get their names, and hidden tests go."""

from dataclasses import asdict
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked
from traitlets import Dict, Unicode

from hpcampus_grading.feedback.named_points import found_in

Step = tuple[NotebookNode, dict[str, Any]]
POINTS = "campus_points"
LONGEST_MESSAGE = 2000
_SHORTEST_QUOTE = 12
"""Characters of a line that would be recognised as one of the hidden tests."""


class NamePoints(NbGraderPreprocessor):  # type: ignore[misc]
    """Puts the named points that a cell's checks printed where the page shows them as such."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], cell_index: int) -> Step:
        """Look at what one cell printed and answered."""
        cell.metadata.pop(POINTS, None)
        if cell.cell_type == "code":
            points = [point for output in cell.outputs for point in _taken_from(output)]
            if points:
                cell.metadata[POINTS] = [{**asdict(p), "verdict": p.verdict} for p in points]
                cell.outputs = [output for output in cell.outputs if not _is_empty(output)]
        return cell, resources


class HideHiddenTests(ClearHiddenTests):  # type: ignore[misc]
    """Keeps hidden tests hidden: their code goes, and what was printed while they ran.

    The message of a failed test stays, because its author wrote it for the learner; one that quotes a line of
    the hidden tests does not. Code of the learner's that a hidden test calls can put words of its own there.
    """

    wanted = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="By assignment, what learners see of hidden tests: nothing, messages (the default), everything.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Step:
        """Clean a notebook, unless its instructor wants hidden tests in feedback."""
        assignment = resources.get("nbgrader", {}).get("assignment", "")
        self._level = self.wanted.get(assignment, "messages")
        if self._level == "everything":
            return nb, resources
        step: Step = super().preprocess(nb, resources)
        return step

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], cell_index: int) -> Step:
        """Clean one cell of tests."""
        whole = cell.source
        if is_grade(cell) and is_locked(cell) and self._remove_hidden_test_region(cell):
            hidden = set(whole.splitlines()) - set(cell.source.splitlines())
            cell.source += "\n# (Hidden tests ran here.)"
            if cell.cell_type == "code":
                errors = [output for output in cell.outputs if output.output_type == "error"]
                cell.outputs = [self._message(error, hidden) for error in errors]
                cell.metadata[POINTS] = [p for p in cell.metadata.get(POINTS, []) if self._may_say(p, hidden)]
        return cell, resources

    def _may_say(self, point: dict[str, Any], hidden: set[str]) -> bool:
        return self._level == "messages" and not _quotes(f"{point['name']} {point['words']}", hidden)

    def _message(self, error: NotebookNode, hidden: set[str]) -> NotebookNode:
        message = error.evalue[:LONGEST_MESSAGE]
        if self._level == "nothing" or _quotes(message, hidden):
            error.evalue, said = "", "A test failed."
        else:
            said = f"{error.ename}: {message}"
        error.traceback = [said]
        return error


def _quotes(message: str, hidden: set[str]) -> bool:
    lines = (line.strip() for line in hidden)
    return any(line in message for line in lines if len(line) >= _SHORTEST_QUOTE)


def _taken_from(output: NotebookNode) -> Any:
    """The points in an output, which keeps the rest of its text."""
    if output.output_type == "stream":
        points, output.text = found_in(output.text)
        return points
    if output.output_type in {"execute_result", "display_data"} and "text/plain" in output.data:
        points, output.data["text/plain"] = found_in(output.data["text/plain"])
        return points
    return ()


def _is_empty(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return not output.text.strip()
    if output.output_type in {"execute_result", "display_data"}:
        return set(output.data) == {"text/plain"} and not output.data["text/plain"].strip()
    return False
