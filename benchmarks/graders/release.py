"""Makes the learners' version of the homework, with nbgrader's own converter: `python release.py COURSE`."""

import sys
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgraders import settings

if __name__ == "__main__":
    config = settings(Path(sys.argv[1]))
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
