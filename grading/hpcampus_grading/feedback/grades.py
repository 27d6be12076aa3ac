"""The points that feedback shows: nbgrader's, and which of them a person has still to give."""

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades

from hpcampus_grading.feedback.preprocessors import Step


class ShowGrades(GetGrades):  # type: ignore[misc]
    """nbgrader's own step; an answer that nobody has read yet isn't shown as a wrong one."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Step:
        """Write points into the cells, and how many points wait for a person into the resources."""
        nb, resources = super().preprocess(nb, resources)
        given = [cell.metadata.nbgrader for cell in nb.cells if "nbgrader" in cell.metadata]
        resources["nbgrader"]["waiting"] = sum(one.points for one in given if one.get("waits"))
        return nb, resources

    def _get_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        given = cell.metadata.nbgrader
        grade = self.gradebook.find_grade(
            given.grade_id, self.notebook_id, self.assignment_id, self.student_id
        )
        given.score, given.points = grade.score, grade.max_score
        given.waits = grade.auto_score is None and grade.manual_score is None
