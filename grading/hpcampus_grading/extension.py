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

from hpcampus_grading import parts
from hpcampus_grading.late import LateParts

PageHook = Callable[[Any, dict[str, Any]], dict[str, Any]]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "hpcampus_grading.extension"}]


def _load_jupyter_server_extension(server: Any) -> None:
    try:
        _prepare(server.log, os.environ)
    except Exception as error:
        server.log.error("The course could not be prepared: %s Everything else works.", error)


async def _start_jupyter_server_extension(server: Any) -> None:
    """Keep the places of the role's parts, and switch off the plug-ins of the others.

    By now the hub's own extension has set its hook. Outside of a hub's server nothing is changed.
    """
    role = os.environ.get("CAMPUS_ROLE")
    if role:
        LateParts(server, parts.wanted(role)).keep_places()
        settings = server.web_app.settings
        settings["page_config_hook"] = _hook(parts.unwanted_plugins(role), settings.get("page_config_hook"))


def _hook(unwanted: Set[str], earlier: PageHook | None) -> PageHook:
    """What an earlier hook makes of the page's configuration, with some plug-ins disabled."""

    def change(handler: Any, page: dict[str, Any]) -> dict[str, Any]:
        changed = earlier(handler, page) if earlier else page
        return {**changed, "disabledExtensions": sorted({*changed.get("disabledExtensions", ()), *unwanted})}

    return change


def _prepare(log: Any, environment: Mapping[str, str]) -> None:
    course, assignment = environment.get("CAMPUS_COURSE"), environment.get("CAMPUS_ASSIGNMENT")
    role = environment.get("CAMPUS_ROLE")
    if role == "learner" and course and assignment:
        fetch_lesson(course, assignment, log)
    if role == "instructor" and course:
        # JupyterLab's formgrader wants it to be there.
        (Path.home() / "courses" / course).mkdir(parents=True, exist_ok=True)
        Thread(target=_prepare_course_folder, args=(course, log), daemon=True).start()


def fetch_lesson(course: str, assignment: str, log: Any) -> None:
    """Bring the lesson into `~/<course>/<assignment>/`, unless the learner has it."""
    target = Path.home() / course / assignment
    if target.exists():
        return
    # Imported only here: most starts find the lesson, and this takes a while.
    from hpcampus_grading.exchange.client import Client  # noqa: PLC0415
    from hpcampus_grading.folders import replace_folder  # noqa: PLC0415

    with replace_folder(target) as fresh:
        Client.from_environment(os.environ).fetch(course, assignment, fresh)
    log.info("Fetched %s of %s into %s", assignment, course, target)


def _prepare_course_folder(course: str, log: Any) -> None:
    """In a process of its own: nbgrader's converters change the working directory."""
    command = [sys.executable, "-m", "hpcampus_grading.course_folder", course]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    log.log(20 if done.returncode == 0 else 40, "%s", done.stderr.strip()[-2000:])
