"""The step of nbgrader's converters that is ours: running learners' cells."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_locked
from traitlets import Enum, Float, Integer, List, Unicode

from hpcampus_grading.folders import write_atomically
from hpcampus_grading.sandbox.answers import Output, Result, as_notebook_output, failure, shown
from hpcampus_grading.sandbox.asked import asked_of
from hpcampus_grading.sandbox.cells import Cell, Outcome, run_cells
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.imports import imports_of
from hpcampus_grading.sandbox.layers import PROMISES, Layer
from hpcampus_grading.sandbox.plan import Plan, RunLimits, gpu_is_here
from hpcampus_grading.sandbox.report import SUFFIX, Flag, Report
from hpcampus_grading.sandbox.surroundings import SandboxUnavailable

Step = tuple[NotebookNode, dict[str, Any]]


class SandboxExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Stands where nbgrader's `Execute` stood: the same cells in the same order, in a sandbox.

    What differs, on purpose: text on stderr is recorded as stdout, so that a warning doesn't score zero;
    HTML, SVG and Markdown outputs are dropped; and a cell that ends its own process costs its own points.
    Signs of tampering are kept beside the notebook.
    """

    cell_seconds = Float(30, help="How long one cell may run.").tag(config=True)
    total_seconds = Float(600, help="How long one notebook may run.").tag(config=True)
    memory_mib = Integer(4096, help="Writable memory of one process.").tag(config=True)
    libraries = List(Unicode(), help="Import names that the course's notebooks need.").tag(config=True)
    may_lack = List(Enum(tuple(PROMISES)), help="Promises of the sandbox without which is graded, too.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Step:
        """Run all code cells and put their outputs into the notebook."""
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        layers: list[Layer] = []
        place = Path(resources["metadata"]["path"])
        try:
            with copy_for_sandbox(place) as files:
                plan = self._plan(files, resources["nbgrader"]["assignment"])
                outcomes = run_cells([_question(cell) for cell in cells], plan, layers.extend)
        except SandboxUnavailable as error:
            self.log.error("%s", error)
            raise
        flags: list[Flag] = []
        name = resources["nbgrader"]["notebook"]
        for number, (cell, outcome) in enumerate(zip(cells, outcomes, strict=True), start=1):
            _record(cell, outcome)
            where = cell.metadata.get("nbgrader", {}).get("grade_id") or f"code cell {number}"
            flags += [Flag(notebook=name, cell=where, kind=k, evidence=e[:2000]) for k, e in outcome.signs]
        write_atomically(place / f"{name}{SUFFIX}", Report(flags=tuple(flags[:1000])).model_dump_json())
        _silence_raw_cells(nb)
        nb.metadata["hpcampus"] = {"sandbox": [layer.model_dump() for layer in layers]}
        return nb, resources

    def _plan(self, files: Path, assignment: str) -> Plan:
        limits = RunLimits(
            cell_seconds=self.cell_seconds, total_seconds=self.total_seconds, memory_mib=self.memory_mib
        )
        own = self._own_notebooks(assignment)
        asked = asked_of(own)
        return Plan(
            files=files,
            libraries=tuple(self.libraries),
            imports=imports_of(own),
            asked=asked.defined,
            shared=asked.mentioned,
            may_lack=frozenset(self.may_lack),
            limits=limits,
            gpu=gpu_is_here(),
        )

    def _own_notebooks(self, assignment: str) -> list[Path]:
        """The course's notebooks of an assignment, of which learners had no part in."""
        directory = CourseDirectory(config=self.config)
        source = directory.format_path(directory.source_directory, ".", assignment)
        return sorted(Path(source).glob("*.ipynb"))


def _question(cell: NotebookNode) -> Cell:
    return Cell(cell.source, is_test=is_grade(cell) and is_locked(cell), locked=is_locked(cell))


def _record(cell: NotebookNode, outcome: Outcome) -> None:
    cell.outputs = [
        NotebookNode(as_notebook_output(output))  # type: ignore[no-untyped-call]
        for output in _within_points(cell, outcome)
    ]
    cell.execution_count = outcome.execution_count


def _within_points(cell: NotebookNode, outcome: Outcome) -> Sequence[Output]:
    """The outputs; a test that gives more points than there are is a mistake of that cell alone."""
    value = outcome.outputs[-1] if outcome.outputs else None
    if not (is_grade(cell) and isinstance(value, Result)):
        return outcome.outputs
    points = cell.metadata["nbgrader"]["points"]
    try:
        too_many = float(value.data["text/plain"]) > points
    except ValueError:
        return outcome.outputs
    if not too_many:
        return outcome.outputs
    sentence = f"this test gave {value.data['text/plain']} points, but its cell has {points:g}"
    return (failure("TooManyPoints", sentence), *outcome.outputs[:-1], shown(value))


def _silence_raw_cells(nb: NotebookNode) -> None:
    """Raw cells go into a page of HTML as they are, unless they say that they are something else."""
    for cell in nb.cells:
        if cell.cell_type == "raw":
            cell.metadata["raw_mimetype"] = "text/plain"
