"""What nbgrader's seven plug-ins share: the client, the learner's folders, failures in words."""

import os
from pathlib import Path
from typing import Any, NoReturn

from nbgrader.exchange.abc import Exchange as AbstractExchange
from nbgrader.exchange.abc import ExchangeError
from traitlets import Bool

from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.messages import Submission, timestamp

# Beside the notebook, where the learner finds it; never part of a submission.
FEEDBACK = "feedback"


class Exchange(AbstractExchange):  # type: ignore[misc]
    """The exchange of the hub, reached with the token of this notebook server.

    Learners' files lie at `<assignment_dir>/<course>/<assignment>/`, so that courses don't meet.
    """

    path_includes_course = Bool(
        True, help="Whether a learner's assignment lies in a folder named by its course."
    ).tag(config=True)

    def start(self) -> Any:
        """Do the work; what goes wrong becomes nbgrader's ExchangeError with our sentence."""
        try:
            return super().start()
        except ExchangeProblem as problem:
            self.fail(str(problem))

    def fail(self, msg: str) -> NoReturn:
        """Log the sentence and stop."""
        self.log.error(msg)
        raise ExchangeError(msg)

    def init_src(self) -> None:
        """Make the client, and settle which course is meant."""
        self.client = Client.from_environment()

    def init_dest(self) -> None:
        """Nothing: the service keeps everything."""

    @property
    def course(self) -> str:
        """The course that was asked for, or the one this notebook server was started for."""
        course = str(self.coursedir.course_id) or os.environ.get("CAMPUS_COURSE", "")
        if not course:
            self.fail("No course is given: add --course <course>.")
        return course

    @property
    def assignment(self) -> str:
        """The assignment that was asked for, also where it was given as a path."""
        return Path(str(self.coursedir.assignment_id)).name

    def learner_folder(self, course: str, assignment: str) -> Path:
        """Where the learner works on an assignment."""
        root = Path(str(self.assignment_dir)).absolute()
        return root / course / assignment if self.path_includes_course else root / assignment

    def course_path(self, step: str, learner: str) -> Path:
        """A folder of the instructor's course directory, such as `submitted/<learner>/<assignment>`."""
        return Path(self.coursedir.format_path(step, learner, self.assignment))

    def feedback_folder(self, submission: Submission) -> Path:
        """Where the feedback on one of the learner's submissions belongs."""
        receipt = submission.receipt
        folder = self.learner_folder(receipt.course, receipt.assignment)
        return folder / FEEDBACK / timestamp(receipt.received_at)
