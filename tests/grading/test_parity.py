"""Scores in the sandbox are those of nbgrader's own executor, cell by cell.

Among the notebooks are those of nbgrader's own test-suite and documentation, which its package brings along:
some of them here, all of them with `make test-parity`.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import nbgrader
import pytest
from hpcampus_grading.gradebook import find_programs
from hpcampus_grading.nbgrader_settings import configure
from hpcampus_grading.recording import flags_of
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from tests.grading.conftest import code, test_cell

pytestmark = pytest.mark.sandbox

ANSWERS = {
    "right": "def f(x):\n    return np.sum(x)",
    "partly": "def f(x):\n    return x[0] + x[1]",
    "raises": "def f(x):\n    return undefined",
    "syntax": "def f(x:\n",
    "exits": "import sys\ndef f(x):\n    sys.exit(0)",
    "prints": "def f(x):\n    print('working')\n    return int(np.sum(x))",
    "magic": "%matplotlib inline\n!echo hello\ndef f(x): return sum(x)",
    "awaits": "import asyncio\nawait asyncio.sleep(0)\ndef f(x): return sum(x)",
    "uses history": "def f(x): return sum(x)\nassert In[1]",
    "loops": "def f(x):\n    while list(x) == [1, 2]: pass\n    return sum(x)",
}


def assignment() -> nbformat.NotebookNode:
    """One answer; tests that pass, that hide, that give partial credit, and a part for people."""
    notebook = new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    solution = "### BEGIN SOLUTION\ndef f(x):\n    return np.sum(x)\n### END SOLUTION"
    hidden = "### BEGIN HIDDEN TESTS\nassert f([1, 2, 3]) == 6\n### END HIDDEN TESTS"
    notebook.cells = [
        new_code_cell("import numpy as np"),
        code(solution, "answer", solution=True),
        test_cell("assert f([1, 2]) == 3", "visible", 2),
        test_cell(f"assert f([1, 1]) == 2\n{hidden}", "hidden", 3),
        test_cell("1.5 if f([2, 2]) == 4 else 0.5", "partial", 2),
        test_cell("f([3, 3]); 'text is full credit'", "text", 1),
        code("### BEGIN SOLUTION\n'why'\n### END SOLUTION", "manual", solution=True, points=4),
        test_cell("import os\nassert os.environ['NBGRADER_EXECUTION'] == 'autograde'", "environment", 1),
    ]
    return notebook


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course folder with a released assignment and a submission for each answer."""
    source = tmp_path / "course" / "source" / "a1"
    source.mkdir(parents=True)
    nbformat.write(assignment(), source / "a1.ipynb")
    config = settings(tmp_path / "course")
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    released = (tmp_path / "course/release/a1/a1.ipynb").read_text()
    for name, answer in {**ANSWERS, "blank": ""}.items():
        notebook = nbformat.reads(released, as_version=4)
        if answer:
            notebook.cells[1].source = answer
        target = tmp_path / "course/submitted" / name / "a1"
        target.mkdir(parents=True)
        nbformat.write(notebook, target / "a1.ipynb")
    return tmp_path / "course"


def settings(course: Path, gradebook: str = "gradebook.db") -> Config:
    """nbgrader's configuration for a course folder."""
    find_programs()
    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "c"
    config.CourseDirectory.assignment_id = "a1"
    config.CourseDirectory.db_url = f"sqlite:///{course}/{gradebook}"
    return config


def grade(config: Config, autograded: str, *, strict: bool = True) -> Mapping[tuple[str, str], float | None]:
    """Autograde everybody into a folder; the automatic score of each learner's cells."""
    config.CourseDirectory.autograded_directory = autograded
    try:
        Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    except NbGraderException:
        if strict:
            raise
    with Gradebook(config.CourseDirectory.db_url, "c") as gradebook:
        return {
            (submission.student.id, score.name): score.auto_score
            for submission in gradebook.assignment_submissions("a1")
            for notebook in submission.notebooks
            for score in notebook.grades
        }


@pytest.mark.filterwarnings("ignore")  # nbgrader's and nbclient's own
def test_the_same_scores_as_nbgraders_executor(course: Path, tmp_path: Path) -> None:
    (course / "theirs.db").write_bytes((course / "gradebook.db").read_bytes())
    theirs = settings(course, "theirs.db")
    theirs.Execute.timeout = 5
    expected = grade(theirs, "autograded-theirs")

    ours = settings(course)
    configure(ours, {}, here=tmp_path)
    ours.SandboxExecute.cell_seconds = 5
    found = grade(ours, "autograded")

    assert len(expected) == 6 * (len(ANSWERS) + 1)
    assert {key: (score, expected[key]) for key, score in found.items() if score != expected[key]} == {}
    assert sum(score or 0 for (who, _), score in found.items() if who == "right") == 8.5
    graded = [sorted((course / name).iterdir()) for name in ("autograded", "autograded-theirs")]
    assert len(graded[0]) == len(graded[1])


@pytest.mark.filterwarnings("ignore")
def test_a_warning_is_no_wrong_answer(course: Path, tmp_path: Path) -> None:
    notebook = course / "submitted/right/a1/a1.ipynb"
    content = nbformat.read(notebook, as_version=4)
    content.cells[
        1
    ].source = "import warnings\ndef f(x):\n    warnings.warn('Grid size 1 is small')\n    return sum(x)"
    nbformat.write(content, notebook)
    config = settings(course)
    config.CourseDirectory.student_id = "right"
    configure(config, {}, here=tmp_path)
    scores = grade(config, "autograded")
    assert scores["right", "visible"] == 2
    graded = nbformat.read(course / "autograded/right/a1/a1.ipynb", as_version=4)
    assert "Grid size 1 is small" in graded.cells[2].outputs[0].text


THEIRS = Path(nbgrader.__file__).parent
SAMPLE = (
    "tests/apps/files/test.ipynb",
    "tests/apps/files/submitted-unchanged.ipynb",
    "tests/apps/files/autotest-hidden.ipynb",
    "docs/source/user_guide/source/ps1/problem1.ipynb",
)


def their_notebooks() -> list[str]:
    """Those with cells that nbgrader knows; of the others there is nothing to grade."""
    if os.environ.get("CAMPUS_PARITY") != "all":
        return list(SAMPLE)
    found = sorted(path for part in ("tests", "docs") for path in (THEIRS / part).rglob("*.ipynb"))
    return [str(path.relative_to(THEIRS)) for path in found if '"nbgrader"' in path.read_text()]


def submissions_for(source: Path, released: Path) -> Iterator[tuple[str, Path]]:
    """The source itself, what learners get, and what nbgrader's authors submitted for it."""
    yield "the-source", source
    yield "released", released
    families = {"submitted-unchanged": "submitted-*", "autotest": f"{source.stem}-*"}
    for start, pattern in families.items():
        if source.stem.startswith(start):
            yield from ((path.stem, path) for path in sorted(source.parent.glob(f"{pattern}.ipynb")))
    if "user_guide" in source.parts:
        for path in sorted((THEIRS / "docs/source/user_guide/submitted").glob(f"*/ps1/{source.name}")):
            yield path.parts[-3], path


def submission(course: Path, who: str) -> str:
    """The notebook as it was submitted."""
    return (course / "submitted" / who / "a1/a1.ipynb").read_text()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", their_notebooks())
def test_the_same_scores_on_nbgraders_own_notebooks(name: str, tmp_path: Path) -> None:
    source, course = THEIRS / name, tmp_path / "course"
    place = course / "source/a1"
    place.mkdir(parents=True)
    shutil.copy(source, place / "a1.ipynb")
    shutil.copy(THEIRS / "tests/apps/files/autotests.yml", place)
    theirs = settings(course, "theirs.db")
    try:
        GenerateAssignment(coursedir=CourseDirectory(config=theirs), config=theirs).start()
    except NbGraderException as error:
        pytest.skip(f"nbgrader can't make an assignment of it: {error}")
    for who, submitted in submissions_for(source, course / "release/a1/a1.ipynb"):
        (course / "submitted" / who / "a1").mkdir(parents=True)
        shutil.copy(submitted, course / "submitted" / who / "a1/a1.ipynb")
    shutil.copy(course / "theirs.db", course / "gradebook.db")
    ours = settings(course)
    theirs.Execute.timeout, theirs.Execute.kernel_name = 5, "python3"
    expected = grade(theirs, "autograded-theirs", strict=False)
    configure(ours, {}, here=tmp_path)
    ours.SandboxExecute.cell_seconds = 5
    found = grade(ours, "autograded")
    gradable = {path.parts[-3] for path in (course / "autograded-theirs").glob("*/a1/a1.ipynb")}
    for cheat in {who for who in gradable if "showtraceback" in submission(course, who)}:
        # nbgrader gives them the points of tests that their tricks don't reach.
        gradable.remove(cheat)
        assert flags_of(course / "autograded" / cheat / "a1")
        assert {score for (who, _), score in found.items() if who == cheat} <= {0, None}
    for (who, cell), score in expected.items():
        # A cell that was deleted is put back here, where nbgrader leaves it to a person.
        if who in gradable and (score is not None or f'"{cell}"' in submission(course, who)):
            assert (who, cell, found[who, cell]) == (who, cell, score)
