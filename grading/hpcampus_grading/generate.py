"""The learners' version of an assignment, by nbgrader's own converters and with no gradebook."""

import shutil
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config


def learners_version(source: Path, workshop: Path, assignment: str) -> Path:
    """The folder, in the workshop, that the converters made of a source folder; none of its code is run."""
    shutil.copytree(source, workshop / "source" / assignment)
    config = Config()
    config.CourseDirectory.root = str(workshop)
    config.CourseDirectory.assignment_id = assignment
    config.GenerateAssignment.no_database = True
    config.SaveCells.enabled = False
    # It would run the notebook, here and with our rights.
    config.InstantiateTests.enabled = False
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    return workshop / "release" / assignment
