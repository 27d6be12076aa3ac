"""Two steps for nbgrader's converters: running learners' cells, and keeping hidden tests out of feedback."""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked
from traitlets import Float, Integer, List, Unicode

from hpcampus_grading.sandbox.answers import as_notebook_output
from hpcampus_grading.sandbox.bubblewrap import SandboxUnavailable
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan, RunLimits, gpu_is_here

Step = tuple[NotebookNode, dict[str, Any]]


class SandboxExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Stands where nbgrader's `Execute` stood: the same cells in the same order, in a sandbox.

    What differs, on purpose: text on stderr is recorded as stdout, so that a warning doesn't score zero;
    HTML, SVG and Markdown outputs are dropped; and code that ends its own process costs the rest of the
    notebook, not the whole submission.
    """

    cell_seconds = Float(30, help="How long one cell may run.").tag(config=True)
    total_seconds = Float(600, help="How long one notebook may run.").tag(config=True)
    memory_mib = Integer(4096, help="Writable memory of one process.").tag(config=True)
    libraries = List(Unicode(), help="Import names that the course's notebooks need.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Step:
        """Run all code cells and put their outputs into the notebook."""
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        questions = [Cell(cell.source, is_test=is_grade(cell) and is_locked(cell)) for cell in cells]
        try:
            with copy_for_sandbox(Path(resources["metadata"]["path"])) as files:
                outcomes = run_cells(questions, self._plan(files))
        except SandboxUnavailable as error:
            self.log.error("%s", error)
            raise
        for cell, outcome in zip(cells, outcomes, strict=True):
            _record(cell, outcome)
        _silence_raw_cells(nb)
        return nb, resources

    def _plan(self, files: Path) -> Plan:
        limits = RunLimits(
            cell_seconds=self.cell_seconds, total_seconds=self.total_seconds, memory_mib=self.memory_mib
        )
        return Plan(files=files, libraries=tuple(self.libraries), limits=limits, gpu=gpu_is_here())


def _record(cell: NotebookNode, outcome: Outcome) -> None:
    cell.outputs = [
        NotebookNode(as_notebook_output(output))  # type: ignore[no-untyped-call]
        for output in outcome.outputs
    ]
    cell.execution_count = outcome.execution_count


def _silence_raw_cells(nb: NotebookNode) -> None:
    """Raw cells go into a page of HTML as they are, unless they say that they are something else."""
    for cell in nb.cells:
        if cell.cell_type == "raw":
            cell.metadata["raw_mimetype"] = "text/plain"


class HideHiddenTests(ClearHiddenTests):  # type: ignore[misc]
    """Keeps hidden tests hidden in feedback: their code goes, and so does the traceback that would quote it.

    The message of a failed assertion stays: it is what the author wrote for the learner.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: dict[str, Any], cell_index: int) -> Step:
        """Clean one cell of tests."""
        if is_grade(cell) and is_locked(cell) and self._remove_hidden_test_region(cell):
            cell.source += "\n# (Hidden tests ran here.)"
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
