"""What lateness costs, for nbgrader: the exchange's word, by course.yaml and the learner's own extension."""

from pathlib import Path

from nbgrader.plugins import LateSubmissionPlugin

from hpcampus_grading.exchange.instructor import read_standing


class LatePenalty(LateSubmissionPlugin):  # type: ignore[misc]
    """Takes off what the exchange said when the submission was collected.

    nbgrader asks only about submissions that it takes for late. One without the exchange's word, because
    somebody put it into the folder by hand, is left to nbgrader's own `penalty_method`.
    """

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """Points to take off the score; None for none."""
        root = Path(str(self.config.CourseDirectory.root or "."))
        standing = read_standing(root / "submitted" / student_id / str(self.parent.assignment_id))
        if standing is None:
            penalty: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
            return penalty
        percent = standing.percent_off or 0
        return score * percent / 100 if percent else None
