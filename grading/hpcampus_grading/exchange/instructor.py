"""What instructors do: release an assignment, collect submissions, release feedback."""

from collections.abc import Sequence
from pathlib import Path

from nbgrader.exchange import abc

from hpcampus_grading.archive import IGNORED, files_to_pack
from hpcampus_grading.exchange.base import Exchange
from hpcampus_grading.folders import replace_folder, write_atomically
from hpcampus_grading.messages import Receipt, Submission, timestamp

# Travels with a submission through nbgrader's folders, and says which one the feedback is on.
RECEIPT = "receipt.json"
# Beside it: how the submission stands by today's rules and extensions.
STANDING = "standing.json"


class ExchangeReleaseAssignment(Exchange, abc.ExchangeReleaseAssignment):  # type: ignore[misc]
    """Gives learners the version that `nbgrader generate_assignment` made; the service checks it."""

    def copy_files(self) -> None:
        """Send `release/<assignment>`."""
        folder = self.course_path(self.coursedir.release_directory, ".")
        if not folder.is_dir():
            self.fail(f"There is no {folder}: run `nbgrader generate_assignment {self.assignment}` first.")
        ignored = {*IGNORED, *self.coursedir.ignore}
        release = self.client.release(
            self.course, self.assignment, folder, files_to_pack(folder, ignored, ())
        )
        self.log.info("Released %s of %s (sha256 %s)", self.assignment, self.course, release.sha256)


class ExchangeCollect(Exchange, abc.ExchangeCollect):  # type: ignore[misc]
    """Brings each learner's newest submission; what can't be brought for one doesn't stop the others."""

    def copy_files(self) -> None:
        """Collect into `submitted/<learner>/<assignment>`."""
        found = self.client.submissions(self.course, self.assignment, str(self.coursedir.student_id))
        failed = [s for s in self._newest(found) if not self._collected(s)]
        if not found:
            self.log.warning("Nobody has submitted %s of %s yet.", self.assignment, self.course)
        if failed:
            names = ", ".join(submission.receipt.learner for submission in failed)
            self.fail(f"Not collected: {names}. Their submissions are safe in the exchange; see the log.")

    def _newest(self, submissions: Sequence[Submission]) -> list[Submission]:
        """One a learner; with `before_duedate` the newest that was in time, where there is one."""
        newest = {submission.receipt.learner: submission for submission in submissions}
        if self.before_duedate:
            newest |= {s.receipt.learner: s for s in submissions if not s.late_seconds}
        return list(newest.values())

    def _collected(self, submission: Submission) -> bool:
        receipt = submission.receipt
        target = self.course_path(self.coursedir.submitted_directory, receipt.learner)
        if not self._wanted(receipt, target):
            self._renew_standing(submission, target)
            return True
        try:
            with replace_folder(target) as fresh:
                self.client.collect(receipt, fresh)
                _write_over(fresh / "timestamp.txt", timestamp(receipt.received_at))
                _write_over(fresh / RECEIPT, receipt.model_dump_json(indent=2))
                _write_over(fresh / STANDING, submission.model_dump_json(indent=2))
        except (RuntimeError, OSError) as error:
            self.log.error("The submission %s of %s: %s", receipt.id, receipt.learner, error)
            return False
        self.log.info("Collected %s of %s", receipt.assignment, receipt.learner)
        return True

    def _renew_standing(self, submission: Submission, target: Path) -> None:
        """An extension may have been given since it was collected."""
        have = read_receipt(target)
        if have is not None and have.id == submission.receipt.id:
            write_atomically(target / STANDING, submission.model_dump_json(indent=2))

    def _wanted(self, receipt: Receipt, target: Path) -> bool:
        if not target.exists():
            return True
        have = read_receipt(target)
        if have is not None and have.id == receipt.id:
            return False
        if not (self.update or self.before_duedate):
            self.log.info("%s has a newer submission: use --update to collect it.", receipt.learner)
        return bool(self.update or self.before_duedate)


class ExchangeReleaseFeedback(Exchange, abc.ExchangeReleaseFeedback):  # type: ignore[misc]
    """Gives each learner the pages that `nbgrader generate_feedback` made, and nobody else's."""

    def copy_files(self) -> None:
        """Send `feedback/<learner>/<assignment>/*.html`, each to the submission that was graded."""
        learner = str(self.coursedir.student_id) or "*"
        without = set(str(self.coursedir.student_id_exclude).split(","))
        folders = Path(self.coursedir.root).glob(
            str(self.course_path(self.coursedir.feedback_directory, learner).relative_to(self.coursedir.root))
        )
        self._record_grades()
        for folder in sorted(folders):
            receipt = read_receipt(folder)
            if receipt is None:
                self.log.error("%s has no %s: collect and grade the submission again.", folder, RECEIPT)
            elif receipt.learner not in without:
                self.client.give_feedback(receipt.id, folder, sorted(folder.glob("*.html")))
                self.log.info("Released feedback on %s to %s", receipt.assignment, receipt.learner)

    def _record_grades(self) -> None:
        """What learners are told now is written down, with every change that people made in Formgrader."""
        from nbgrader.api import Gradebook  # noqa: PLC0415 (slow, and only instructors need it)

        from hpcampus_grading.recording import bring_back, grades_of  # noqa: PLC0415

        root, others = Path(self.coursedir.root), self.client.recorded_grades(self.course, self.assignment)
        with Gradebook(self.coursedir.db_url, self.course) as gradebook:
            bring_back(gradebook, self.assignment, others, root / "autograded", only_missing=True)
            grades = list(grades_of(gradebook, root, self.assignment))
        self.client.record_grades(self.course, self.assignment, grades, "feedback was released")


def read_receipt(folder: Path) -> Receipt | None:
    """Which submission a folder of nbgrader's steps belongs to."""
    try:
        return Receipt.model_validate_json((folder / RECEIPT).read_bytes())
    except (OSError, ValueError):
        return None


def read_standing(folder: Path) -> Submission | None:
    """How the submission in a folder stood when it was collected."""
    try:
        return Submission.model_validate_json((folder / STANDING).read_bytes())
    except (OSError, ValueError):
        return None


def _write_over(path: Path, text: str) -> None:
    """Write what we know, also where the learner sent a file of that name."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
