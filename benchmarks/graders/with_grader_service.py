"""TU Wien's Grader Service on the same homework: its converter, once for each submission, as its pods run it.

python with_grader_service.py FOLDER KIND N
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from homework import NAMES, answers, source_notebook
from laps import Laps, report


def convert(step: str, source: Path, target: Path) -> None:
    """One call of the program."""
    program = Path(sys.executable).with_name("grader-convert")
    command = [program, step, "-i", source, "-o", target, "-p", "*.ipynb"]
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Release, hand in, grade so many, and report."""
    folder, kind, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    source, release = folder / "source", folder / "release"
    for path in (source, release):
        path.mkdir()
    nbformat.write(source_notebook(kind), source / "ps1.ipynb")
    convert("generate_assignment", source, release)
    laps, points = Laps(count), {}
    for learner in range(count):
        submitted, graded = folder / f"in{learner}", folder / f"out{learner}"
        for path in (submitted, graded):
            path.mkdir()
        notebook = nbformat.read(release / "ps1.ipynb", as_version=4)
        cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
        for name, answer in zip(NAMES, answers(kind, learner), strict=True):
            if answer:
                cells[name].source = answer
        nbformat.write(notebook, submitted / "ps1.ipynb")
        shutil.copy(release / "gradebook.json", graded)
        convert("autograde", submitted, graded)
        grades = json.loads((graded / "gradebook.json").read_text())["notebooks"]["ps1"]["grades_dict"]
        points[f"learner{learner:03}"] = sum(grade["auto_score"] or 0 for grade in grades.values())
        laps.lap()
    report(autograde=laps.figures(), points=points)


if __name__ == "__main__":
    main()
