"""nbgrader's Assignment List, which opens at the course of this server: its panel shows the first one."""

import os
from typing import Any

from nbgrader.server_extensions import assignment_list
from nbgrader.server_extensions.assignment_list.handlers import AssignmentList


class OwnCourseFirst(AssignmentList):  # type: ignore[misc]  # nbgrader has no types
    """What the panel's requests are answered with."""

    def list_courses(self) -> dict[str, Any]:
        """The courses that have assignments; or, without success, why there are none."""
        found: dict[str, Any] = super().list_courses()
        if found["success"]:
            own = os.environ.get("CAMPUS_COURSE")
            found["value"].sort(key=lambda course: (course != own, course))
        return found


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_grading.assignment_list"}]


def _load_jupyter_server_extension(server: Any) -> None:
    assignment_list.load_jupyter_server_extension(server)
    manager = OwnCourseFirst(parent=server)
    manager.root_dir = server.root_dir
    server.web_app.settings["assignment_list_manager"] = manager
