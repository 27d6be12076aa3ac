"""Lesson 1 through nbgrader's own converters: what each answer earns, and what it is told."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hpcampus_courses import Catalogue
from nbgrader.utils import determine_grade

ROOT = Path(__file__).parents[2]
STUB = "raise NotImplementedError()"

# What a learner might hand in. An exercise that is not named keeps the right answer.
ANSWERS = {
    "solution": {},
    "careless": {
        "blocks-for": "return n // threads",
        "add": "i = cuda.grid(1)\nout[i] = x[i] + y[i]",
        "saxpy": "i = cuda.grid(1)\nif i < y.size:\n    y[i] = a * x[i] + y[i]",
        "to-grey": (
            "row, column = cuda.grid(2)\n"
            "if row < grey.shape[0] and column < grey.shape[1]:\n"
            "    red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]\n"
            "    grey[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue"
        ),
        "histogram": (
            "for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):\n"
            "    if 0 <= levels[i] < counts.size:\n"
            "        counts[levels[i]] += 1"
        ),
    },
    "nearly": {
        "blocks-for": "return n // threads + 1",
        "add": "i = cuda.grid(1)\nif i <= out.size:\n    out[i] = x[i] + y[i]",
        "saxpy": "for i in range(cuda.grid(1), y.size, cuda.blockDim.x):\n    y[i] = a * x[i] + y[i]",
        "to-grey": (
            "column, row = cuda.grid(2)\n"
            "if row < grey.shape[1] and column < grey.shape[0]:\n"
            "    red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]\n"
            "    grey[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue"
        ),
        "histogram": (
            "for i in range(cuda.grid(1), levels.size, cuda.gridsize(1)):\n"
            "    if levels[i] < counts.size:\n"
            "        cuda.atomic.add(counts, levels[i], 1)"
        ),
    },
    # Right on everything that the learner can see, and only there.
    "visible": {
        "blocks-for": "return {12: 3, 10: 3, 8: 2, 1: 1}[n]",
        "add": "i = cuda.grid(1)\nif i < min(out.size, 257):\n    out[i] = x[i] + y[i]",
        "saxpy": (
            "for k in range(11):\n"
            "    i = cuda.grid(1) + k * cuda.gridsize(1)\n"
            "    if i < y.size:\n"
            "        y[i] = a * x[i] + y[i]"
        ),
        "to-grey": (
            "column, row = cuda.grid(2)\n"
            "if row < min(grey.shape[0], 24) and column < grey.shape[1]:\n"
            "    red, green, blue = rgb[row, column, 0], rgb[row, column, 1], rgb[row, column, 2]\n"
            "    grey[row, column] = 0.2126 * red + 0.7152 * green + 0.0722 * blue"
        ),
        "histogram": (
            "for i in range(cuda.grid(1), min(levels.size, 500), cuda.gridsize(1)):\n"
            "    if 0 <= levels[i] < counts.size:\n"
            "        cuda.atomic.add(counts, levels[i], 1)"
        ),
    },
    "empty": dict.fromkeys(["blocks-for", "add", "saxpy", "to-grey", "histogram"], STUB),
}

SCORES = {
    "solution": {"blocks-for": 1, "add": 3, "saxpy": 5, "to-grey": 5, "histogram": 6},
    # Adding without a guard gives the right values: only the point for staying inside is lost.
    "careless": {"blocks-for": 0, "add": 1, "saxpy": 0, "to-grey": 0, "histogram": 0},
    "nearly": {"blocks-for": 0, "add": 1, "saxpy": 0, "to-grey": 0, "histogram": 3},
    "empty": {"blocks-for": 0, "add": 0, "saxpy": 0, "to-grey": 0, "histogram": 0},
}

WORDS = {
    ("careless", "blocks-for-test"): "10 elements need 3 blocks of 4 threads, not 2.",
    ("careless", "add-safe-test"): "put the work behind a guard",
    ("careless", "saxpy-values-test"): "just the first 96 elements are done",
    ("careless", "to-grey-values-test"): "Rows and columns look swapped",
    ("careless", "histogram-values-test"): "an atomic operation",
    ("nearly", "blocks-for-test"): "12 elements need 3 blocks of 4 threads, not 4.",
    ("nearly", "add-safe-test"): "Is it <=, not <?",
    ("nearly", "saxpy-safe-test"): "A step of one block is too short",
    ("nearly", "to-grey-safe-test"): "rgb[",
    ("nearly", "histogram-safe-test"): "a negative index reaches the end of the array",
    ("empty", "blocks-for-test"): "NotImplementedError",
    ("empty", "add-values-test"): "isn't written yet",
}

Graded = Callable[[str], dict[str, Any]]


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run nbgrader as it comes, without the exchange and the sandbox that hpcampus-grading adds to it."""
    # It calls the program alembic, which lies beside the interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {"PATH": path, "JUPYTER_NO_CONFIG": "1", "JUPYTER_CONFIG_DIR": str(folder)}
    command = [sys.executable, "-m", "nbgrader", *arguments, "lesson1"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | plain, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def write_submission(release: Any, solution: Any, answers: dict[str, str], path: Path) -> None:
    """Fill a released notebook in: with the solution, or with another answer where there is one."""
    right = {cell.id: cell.source for cell in solution.cells}
    for cell in release.cells:
        if cell.cell_type == "code" and STUB in cell.source:
            before, answer, after = re.split(r"    ### (?:BEGIN|END) SOLUTION\n?", right[cell.id])
            wrong = textwrap.indent(answers.get(cell.id, ""), "    ")
            cell.source = before + (wrong or answer) + after
    path.parent.mkdir(parents=True)
    nbformat.write(release, path)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course's folder in which every answer was released, handed in and graded."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'gpu-numba'\nc.Exchange.root = 'exchange'\n"
    )
    source = Catalogue.load(ROOT / "courses").source("gpu-numba", "lesson1")
    (folder / "source").mkdir()
    (folder / "source/lesson1").symlink_to(source)
    nbgrader(folder, "generate_assignment")
    for learner, answers in ANSWERS.items():
        release = nbformat.read(folder / "release/lesson1/lesson1.ipynb", as_version=4)
        solution = nbformat.read(source / "lesson1.ipynb", as_version=4)
        write_submission(release, solution, answers, folder / f"submitted/{learner}/lesson1/lesson1.ipynb")
    nbgrader(folder, "autograde")
    return folder


@pytest.fixture(scope="module")
def graded(course: Path) -> Graded:
    """The graded cells of one learner, by their id."""

    def cells(learner: str) -> dict[str, Any]:
        path = course / f"autograded/{learner}/lesson1/lesson1.ipynb"
        notebook = nbformat.read(path, as_version=4)
        return {cell.id: cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")}

    return cells


def scores(cells: dict[str, Any]) -> dict[str, float]:
    """Points of each exercise, by the rule that nbgrader's gradebook uses."""
    earned: dict[str, float] = {}
    for name, cell in cells.items():
        exercise = re.sub(r"(-values|-safe)?-test$", "", name)
        earned[exercise] = earned.get(exercise, 0) + determine_grade(cell)[0]
    return earned


def said(cell: Any) -> str:
    lines = [line for output in cell.outputs for line in output.get("traceback", [])]
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("learner", SCORES)
def test_everybody_gets_the_points_they_deserve(graded: Graded, learner: str) -> None:
    assert scores(graded(learner)) == SCORES[learner], {k: said(c) for k, c in graded(learner).items()}


def test_hidden_tests_catch_what_fits_the_visible_ones_only(graded: Graded) -> None:
    assert set(scores(graded("visible")).values()) == {0}
    assert "Tried with size" in said(graded("visible")["add-values-test"])


@pytest.mark.parametrize(("learner", "cell"), WORDS)
def test_a_wrong_answer_is_told_why(graded: Graded, learner: str, cell: str) -> None:
    assert WORDS[learner, cell] in said(graded(learner)[cell])


def test_a_failed_check_shows_its_words_and_no_stack(graded: Graded) -> None:
    assert "hpcampus_kernels/" not in said(graded("careless")["add-safe-test"])


def test_the_release_hides_solutions_and_hidden_tests(course: Path) -> None:
    release = (course / "release/lesson1/lesson1.ipynb").read_text(encoding="utf-8")
    for secret in ("BEGIN SOLUTION", "HIDDEN", "seed=", "out[i] = x[i] + y[i]\\n"):
        assert secret not in release
    assert release.count(STUB + '"') == 5


def test_the_solution_runs_without_a_warning(course: Path) -> None:
    notebook = nbformat.read(course / "autograded/solution/lesson1/lesson1.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [
        output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"
    ]
    assert any("kernels run on" in output.get("text", "").lower() for output in outputs)
