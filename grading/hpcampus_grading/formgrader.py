"""nbgrader's Formgrader, for the course of this server."""

import os
from typing import Any

from nbgrader.server_extensions import formgrader

from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.new_gradebook import ensure_gradebook


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_grading.formgrader"}]


def _load_jupyter_server_extension(server: Any) -> None:
    course = os.environ.get("CAMPUS_COURSE")
    if course:
        ensure_gradebook(CourseFolder(course))
    formgrader.load_jupyter_server_extension(server)
