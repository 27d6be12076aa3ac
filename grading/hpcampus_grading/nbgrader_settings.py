"""nbgrader's settings in an HPCampus environment: the exchange, the sandbox, this server's course.

`etc/jupyter/nbgrader_config.py`, installed with this package, calls `configure`. Nobody edits anything.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcampus_grading.course_folder import CourseFolder

_EXCHANGE = "hpcampus_grading.exchange"
_PLUGINS = {
    "exchange": f"{_EXCHANGE}.base.Exchange",
    "list": f"{_EXCHANGE}.list.ExchangeList",
    "fetch_assignment": f"{_EXCHANGE}.learner.ExchangeFetchAssignment",
    "submit": f"{_EXCHANGE}.learner.ExchangeSubmit",
    "fetch_feedback": f"{_EXCHANGE}.learner.ExchangeFetchFeedback",
    "release_assignment": f"{_EXCHANGE}.instructor.ExchangeReleaseAssignment",
    "collect": f"{_EXCHANGE}.instructor.ExchangeCollect",
    "release_feedback": f"{_EXCHANGE}.instructor.ExchangeReleaseFeedback",
}
# nbgrader's own lists, with our step where it had Execute, and one step more before feedback is rendered.
_AUTOGRADE = (
    "hpcampus_grading.preprocessors.SandboxExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
)
_FEEDBACK = (
    "nbgrader.preprocessors.GetGrades",
    "hpcampus_grading.preprocessors.HideHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
)


def configure(config: Any, environment: Mapping[str, str] = os.environ, here: Path | None = None) -> None:
    """Fill traitlets' config object; `here` is the working directory."""
    for role, plugin in _PLUGINS.items():
        setattr(config.ExchangeFactory, role, plugin)
    config.Autograde.autograde_preprocessors = list(_AUTOGRADE)
    config.GenerateFeedback.preprocessors = list(_FEEDBACK)
    # Learners' Markdown is shown in the pages of instructors: no script in it may run there.
    config.HTMLExporter.filters = {"markdown2html": "hpcampus_grading.html.safe_markdown2html"}
    folder = _course_folder(environment, here or Path.cwd())
    if folder is not None:
        apply_course(config, folder)


def apply_course(config: Any, folder: CourseFolder) -> None:
    """Make a course folder the one that nbgrader works on."""
    config.CourseDirectory.course_id = folder.course
    config.CourseDirectory.root = str(folder.path)
    info = folder.info()
    if info is not None:
        config.SandboxExecute.libraries = list(info.libraries)


def _course_folder(environment: Mapping[str, str], here: Path) -> CourseFolder | None:
    """The course folder that we are in, or the one of the instructor whose server this is."""
    if CourseFolder(here.name, here.parent).info() is not None:
        return CourseFolder(here.name, here.parent)
    course = environment.get("CAMPUS_COURSE")
    if course and environment.get("CAMPUS_ROLE") == "instructor":
        return CourseFolder(course)
    return None
