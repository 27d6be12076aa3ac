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
# nbgrader's own lists, with our steps where it had DeduplicateIds and Execute, what other instructors gave,
# and two steps more before feedback is rendered.
_SANITIZE = (
    "nbgrader.preprocessors.ClearOutput",
    "hpcampus_grading.repairing.RepairCells",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
)
_AUTOGRADE = (
    "hpcampus_grading.preprocessors.SandboxExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "hpcampus_grading.others_work.TakeOver",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
)
_FEEDBACK = (
    "hpcampus_grading.others_work.TakeOver",
    "hpcampus_grading.feedback.grades.ShowGrades",
    "hpcampus_grading.feedback.preprocessors.NamePoints",
    "hpcampus_grading.feedback.preprocessors.HideHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
)
_TEMPLATES = Path(__file__).parent / "feedback" / "templates"


def configure(config: Any, environment: Mapping[str, str] = os.environ, here: Path | None = None) -> None:
    """Fill traitlets' config object; `here` is the working directory."""
    for role, plugin in _PLUGINS.items():
        setattr(config.ExchangeFactory, role, plugin)
    config.Autograde.sanitize_preprocessors = list(_SANITIZE)
    config.Autograde.autograde_preprocessors = list(_AUTOGRADE)
    config.GenerateFeedback.preprocessors = list(_FEEDBACK)
    config.GenerateFeedback.exporter_class = "hpcampus_grading.feedback.page.FeedbackPage"
    config.FeedbackPage.template_name = "campus_feedback"
    config.FeedbackPage.extra_template_basedirs = [str(_TEMPLATES)]
    config.FeedbackPage.exclude_input_prompt = True
    config.FeedbackPage.exclude_output_prompt = True
    # Each notebook is checked once after all steps, not after each of them.
    config.Exporter.optimistic_validation = True
    config.AssignLatePenalties.plugin_class = "hpcampus_grading.late_penalty.LatePenalty"
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
        config.HideHiddenTests.wanted = {one.slug: one.hidden_tests_in_feedback for one in info.assignments}


def _course_folder(environment: Mapping[str, str], here: Path) -> CourseFolder | None:
    """The course folder that we are in, or the one of the instructor whose server this is."""
    if CourseFolder(here.name, here.parent).info() is not None:
        return CourseFolder(here.name, here.parent)
    course = environment.get("CAMPUS_COURSE")
    if course and environment.get("CAMPUS_ROLE") == "instructor":
        return CourseFolder(course)
    return None
