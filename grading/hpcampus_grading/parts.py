"""The parts of a notebook server beyond JupyterLab, who gets them, and where they answer.

A part is imported when somebody first opens it, so that it costs no start anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERYBODY = frozenset({"learner", "instructor", "researcher"})
IN_A_COURSE = frozenset({"learner", "instructor"})
INSTRUCTORS = frozenset({"instructor"})


@dataclass(frozen=True)
class Part:
    """One server extension, or a plug-in of JupyterLab that has none."""

    roles: frozenset[str]
    extension: str = ""
    paths: str = ""
    """A regular expression for what follows the server's address."""
    plugin: str = ""
    """The plug-in that the page switches off for others."""


PARTS = (
    Part(
        IN_A_COURSE,
        "hpcampus_grading.assignment_list",
        r"/(assignments(/(fetch|submit|fetch_feedback))?|courses|nbgrader_version)",
        "@jupyter/nbgrader:assignment-list",
    ),
    Part(
        IN_A_COURSE,
        "nbgrader.server_extensions.validate_assignment",
        r"/assignments/validate",
        "@jupyter/nbgrader:validate-assignment",
    ),
    Part(
        INSTRUCTORS,
        "hpcampus_grading.formgrader",
        r"/formgrader(/.*)?",
        "hpcampus-grading:formgrader",
    ),
    # It would open Formgrader in a frame of the page, and nothing here may be in a frame; ours opens a tab.
    Part(frozenset(), plugin="@jupyter/nbgrader:formgrader"),
    Part(IN_A_COURSE, "hpcampus_grading.own_deadlines", r"/campus/deadlines", "hpcampus-grading:deadlines"),
    Part(INSTRUCTORS, plugin="@jupyter/nbgrader:create-assignment"),
    # Ours load them.
    Part(frozenset(), "nbgrader.server_extensions.assignment_list"),
    Part(frozenset(), "nbgrader.server_extensions.formgrader"),
    Part(frozenset(), "nbgrader.server_extensions.course_list", plugin="@jupyter/nbgrader:course-list"),
    # It loads jupyter-server-proxy, with limits.
    Part(EVERYBODY, "hpcampus_spawner.app_proxy", r"/(proxy|server-proxy)/.*"),
    Part(frozenset(), "jupyter_server_proxy"),
    # There are no language servers in the environment, and looking for them takes a while.
    Part(frozenset(), "jupyter_lsp"),
    # The other user interface, which comes along with nbgrader.
    Part(frozenset(), "notebook", plugin="@jupyter-notebook/lab-extension"),
    Part(frozenset(), "notebook_shim"),
)


def configure(config: Any, environment: Mapping[str, str]) -> None:
    """Let Jupyter's server start without them; outside of a hub's server nothing is changed."""
    if environment.get("CAMPUS_ROLE"):
        config.ServerApp.jpserver_extensions = {part.extension: False for part in PARTS if part.extension}


def wanted(role: str) -> list[Part]:
    """The parts that the role gets and that answer somewhere."""
    return [part for part in PARTS if role in part.roles and part.extension]


def unwanted_plugins(role: str) -> set[str]:
    """JupyterLab's plug-ins that the role doesn't get."""
    return {part.plugin for part in PARTS if part.plugin and role not in part.roles}
