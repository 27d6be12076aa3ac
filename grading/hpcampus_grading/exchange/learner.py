"""What learners do: fetch an assignment, submit it, fetch its feedback."""

import tempfile
from pathlib import Path

from nbgrader.exchange import abc

from hpcampus_grading.archive import IGNORED, files_to_pack
from hpcampus_grading.exchange.base import Exchange
from hpcampus_grading.folders import replace_folder
from hpcampus_grading.submitting import submit_folder
from hpcampus_grading.words import in_words


class ExchangeFetchAssignment(Exchange, abc.ExchangeFetchAssignment):  # type: ignore[misc]
    """Brings a released assignment into the learner's folder; never writes over their work."""

    def copy_files(self) -> None:
        """Fetch all of it, or with `replace_missing_files` what is missing."""
        target = self.learner_folder(self.course, self.assignment)
        if target.exists() and not self.replace_missing_files:
            self.fail(
                f"You have this assignment already: {target}. Rename that folder to fetch a fresh copy."
            )
        if target.exists():
            self._add_missing(target)
        else:
            with replace_folder(target) as fresh:
                self.client.fetch(self.course, self.assignment, fresh)
        self.log.info("Fetched %s of %s into %s", self.assignment, self.course, target)

    def _add_missing(self, target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as name:
            fresh = Path(name)
            self.client.fetch(self.course, self.assignment, fresh)
            for file in files_to_pack(fresh):
                place = target / file.relative_to(fresh)
                if not place.exists():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    file.rename(place)
                    self.log.warning("Replaced the missing file %s", place)


class ExchangeSubmit(Exchange, abc.ExchangeSubmit):  # type: ignore[misc]
    """Sends the learner's folder, and keeps the receipt beside the notebook."""

    def copy_files(self) -> None:
        """Submit, and say in words what that means."""
        folder = self.learner_folder(self.course, self.assignment)
        if not folder.is_dir():
            self.fail(f"There is nothing to submit: {folder} doesn't exist. Fetch the assignment first.")
        ignored = {*IGNORED, *self.coursedir.ignore}
        receipt, path = submit_folder(self.client, self.course, self.assignment, folder, ignored)
        for line in (*in_words(receipt), f"The receipt is {path} (sha256 {receipt.sha256})."):
            self.log.info("%s", line)


class ExchangeFetchFeedback(Exchange, abc.ExchangeFetchFeedback):  # type: ignore[misc]
    """Brings the feedback on every own submission of an assignment that has some."""

    def copy_files(self) -> None:
        """Fetch it into `feedback/<time of the submission>/`, in place of what was fetched before."""
        answered = [s for s in self.client.own_submissions(self.course, self.assignment) if s.feedback]
        for submission in answered:
            with replace_folder(self.feedback_folder(submission)) as fresh:
                self.client.fetch_feedback(submission.receipt.id, fresh)
            self.log.info("Fetched feedback into %s", self.feedback_folder(submission))
        if not answered:
            self.log.warning("There is no feedback on %s of %s yet.", self.assignment, self.course)
