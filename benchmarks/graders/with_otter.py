"""otter-grader on the same answers, in one process, through its interface for programs.

    python with_otter.py FOLDER KIND N

Its tests are files beside the notebook, its own way; the assertions are the same.
"""

import json
import os
import sys
import zipfile
from pathlib import Path

import nbformat
from homework import NAMES, answers, imports, tests
from laps import Laps, report
from nbformat.v4 import new_code_cell, new_notebook
from otter.api import grade_submission


def autograder(folder: Path) -> Path:
    """The archive with the tests that `otter generate` makes, without what only containers need."""
    file = folder / "autograder.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"lang": "python"}))
        for name, (visible, hidden) in zip(NAMES, tests(), strict=True):
            cases = [
                {"code": f">>> {code}\n", "hidden": code == hidden, "locked": False}
                for code in (visible, hidden)
            ]
            suite = {"cases": cases, "scored": True, "setup": "", "teardown": "", "type": "doctest"}
            test = {"name": name, "points": 3, "suites": [suite]}
            archive.writestr(f"tests/{name}.py", f"OK_FORMAT = True\n\ntest = {test!r}\n")
    return file


def notebook(folder: Path, kind: str, learner: int) -> Path:
    """A learner's notebook, with otter's own check after each answer."""
    cells = [new_code_cell(f"import otter\ngrader = otter.Notebook()\n{imports(kind)}")]
    for name, answer in zip(NAMES, answers(kind, learner), strict=True):
        cells += [new_code_cell(answer), new_code_cell(f"grader.check({name!r})")]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"learner{learner:03}.ipynb"
    nbformat.write(notebook, path)
    return path


def main() -> None:
    """Grade so many learners' notebooks, and report."""
    folder, kind, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    os.chdir(folder)
    tests_file = autograder(folder)
    submissions = [notebook(folder, kind, learner) for learner in range(count)]
    laps, points = Laps(count), {}
    for submission in submissions:
        points[submission.stem] = grade_submission(str(submission), str(tests_file), quiet=True).total
        laps.lap()
    report(autograde=laps.figures(), points=points)


if __name__ == "__main__":
    main()
