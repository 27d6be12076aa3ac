"""What a notebook server does when it starts: the lesson is there, and each role has its own tools.

A failure is a sentence in the server's log, and never keeps the server from starting.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from threading import Thread
from typing import Any

from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.exchange.client import Client
from hpcampus_grading.folders import replace_folder

PageHook = Callable[[Any, dict[str, Any]], dict[str, Any]]

# nbgrader's parts, by the names of its server extensions and JupyterLab plugins, and who gets them.
_SERVER = "nbgrader.server_extensions."
_LAB = "@jupyter/nbgrader:"
_PARTS = {
    "assignment_list": {"learner", "instructor"},
    "validate_assignment": {"learner", "instructor"},
    "formgrader": {"instructor"},
    "create_assignment": {"instructor"},
    "course_list": set(),
}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_grading.extension"}]


def _link_jupyter_server_extension(server: Any) -> None:
    """Switch off what the role doesn't get; linking comes before anything is loaded."""
    for part in _unwanted(os.environ):
        package = server.extension_manager.extensions.get(f"{_SERVER}{part}")
        if package is not None:
            package.enabled = False


def _load_jupyter_server_extension(server: Any) -> None:
    try:
        _prepare(server.log, os.environ)
    except Exception as error:
        server.log.error("The course could not be prepared: %s Everything else works.", error)


async def _start_jupyter_server_extension(server: Any) -> None:
    """Switch off JupyterLab's plug-ins too; by now the hub's own extension has set its hook."""
    settings = server.web_app.settings
    unwanted = {f"{_LAB}{part.replace('_', '-')}" for part in _unwanted(os.environ)}
    settings["page_config_hook"] = _hook(unwanted, settings.get("page_config_hook"))


def _hook(unwanted: Set[str], earlier: PageHook | None) -> PageHook:
    """What an earlier hook makes of the page's configuration, with some plug-ins disabled."""

    def change(handler: Any, page: dict[str, Any]) -> dict[str, Any]:
        changed = earlier(handler, page) if earlier else page
        return {**changed, "disabledExtensions": sorted({*changed.get("disabledExtensions", ()), *unwanted})}

    return change


def _unwanted(environment: Mapping[str, str]) -> list[str]:
    """Parts that the role doesn't get; outside of a hub's server nothing is switched off."""
    role = environment.get("CAMPUS_ROLE")
    return [part for part, roles in _PARTS.items() if role and role not in roles]


def _prepare(log: Any, environment: Mapping[str, str]) -> None:
    course, assignment = environment.get("CAMPUS_COURSE"), environment.get("CAMPUS_ASSIGNMENT")
    role = environment.get("CAMPUS_ROLE")
    if role == "learner" and course and assignment:
        fetch_lesson(Client.from_environment(environment), course, assignment, log)
    if role == "instructor" and course:
        CourseFolder(course).path.mkdir(parents=True, exist_ok=True)
        Thread(target=_prepare_course_folder, args=(course, log), daemon=True).start()


def fetch_lesson(client: Client, course: str, assignment: str, log: Any) -> None:
    """Bring the lesson into `~/<course>/<assignment>/`, unless the learner has it."""
    target = Path.home() / course / assignment
    if not target.exists():
        with replace_folder(target) as fresh:
            client.fetch(course, assignment, fresh)
        log.info("Fetched %s of %s into %s", assignment, course, target)


def _prepare_course_folder(course: str, log: Any) -> None:
    """In a process of its own: nbgrader's converters change the working directory."""
    command = [sys.executable, "-m", "hpcampus_grading.course_folder", course]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    log.log(20 if done.returncode == 0 else 40, "%s", done.stderr.strip()[-2000:])
