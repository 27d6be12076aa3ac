"""An instructor's course folder, `~/courses/<course>/`: nbgrader's directories, filled from the exchange.

What is missing is fetched or made; what an instructor has changed is never written over.
"""

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from hpcampus_grading.exchange.client import Client, ExchangeProblem
from hpcampus_grading.folders import replace_folder, write_atomically
from hpcampus_grading.messages import CourseInfo

log = logging.getLogger("hpcampus.grading")


class CourseFolder:
    """The folder of one course; `course.json` in it is the course as the exchange described it last."""

    def __init__(self, course: str, parent: Path | None = None) -> None:
        self.course = course
        self.path = (parent or Path.home() / "courses") / course
        self._description = self.path / "course.json"

    def info(self) -> CourseInfo | None:
        """The course's description, where the folder was prepared."""
        try:
            found = CourseInfo.model_validate_json(self._description.read_bytes())
        except (OSError, ValidationError):
            return None
        return found if found.slug == self.course else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Those who change the gradebook take turns."""
        with (self.path / ".grading.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def describe(self, info: CourseInfo) -> None:
        """Keep the course's description."""
        write_atomically(self._description, info.model_dump_json(indent=2) + "\n")

    def fetch(self, client: Client) -> CourseInfo:
        """Bring the description, and the source of each assignment that isn't here yet."""
        info = client.course(self.course)
        if info.role != "instructor":
            raise ExchangeProblem(f"You are not an instructor of {self.course!r}.")
        self.describe(info)
        for assignment in info.assignments:
            target = self.path / "source" / assignment.slug
            if not target.exists():
                with replace_folder(target) as fresh:
                    client.source(self.course, assignment.slug, fresh)
        return info


def main() -> None:
    """Prepare the folder of a course: `python -m hpcampus_grading.course_folder <course>`."""
    from hpcampus_grading.gradebook import CourseGradebook  # noqa: PLC0415 (nbgrader takes seconds to import)

    logging.basicConfig(level=logging.INFO, format="[%(levelname)1.1s grading] %(message)s")
    folder = CourseFolder(sys.argv[1])
    try:
        info = folder.fetch(Client.from_environment())
        gradebook = CourseGradebook(folder)
        for assignment in info.assignments:
            gradebook.generate(assignment)
    except (ExchangeProblem, RuntimeError, OSError) as error:
        sys.exit(f"The course folder {folder.path} is not ready: {error}")
    log.info("The course folder %s is ready", folder.path)


if __name__ == "__main__":
    main()
