"""The first opening of a course's gradebook, which makes its tables."""

from pathlib import Path
from tempfile import TemporaryDirectory

from nbgrader.api import Gradebook

from hpcampus_grading.course_folder import CourseFolder


def ensure_gradebook(folder: CourseFolder) -> None:
    """Make the gradebook where there is none, whole or not at all.

    nbgrader makes the tables where it opens a new one: of two who do that at the same moment, one fails. They
    are Formgrader, opened by somebody quick, and the server that still prepares the course.
    """
    file = folder.path / "gradebook.db"
    if file.exists():
        return
    with TemporaryDirectory(dir=folder.path, prefix=".gradebook-") as workshop:
        made = Path(workshop) / file.name
        Gradebook(f"sqlite:///{made}", folder.course).close()
        with folder.alone():
            if not file.exists():
                made.rename(file)
