"""The course on GPU programming: its solutions compute in float32, and its lessons say where they run."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from hpcampus_courses import Catalogue
from hpcampus_courses.notebook import Notebook
from hpcampus_grading.generate import learners_version
from hpcampus_kernels import PROBLEMS, inspect

CATALOGUE = Catalogue.load(Path(__file__).parents[2] / "courses")
COURSE = CATALOGUE.course("gpu-numba")

# The kernels of each solution with the problems they solve, and cells with what they need.
KERNELS = {
    "lesson1": {"add": "vector_add", "saxpy": "saxpy", "to_grey": "grey", "histogram": "histogram"},
    "lesson2": {"in_step": "saxpy", "product": "matmul", "smooth": "heat"},
    "lesson3": {"turn": "transpose", "tiled": "matmul", "blur": "convolution"},
    "lesson4": {"histogram": "histogram", "group": "k_means"},
    "lesson5": {"add_up": "reduction", "multiply_up": "dot", "soften": "softmax"},
    "lesson6": {"scan_rows": "scan", "keep_positive": "compaction"},
    "lesson7": {
        "cured_1": "histogram",
        "cured_2": "transpose",
        "cured_3": "matmul",
        "cured_4": "reduction",
        "cured_5": "k_means",
    },
    "lesson8": {"step_heat": "heat"},
}
CONSTANTS = {"where", "weights", "zero", "four", "tile-size", "wide", "rim-size", "nearest"}
CONSTANTS |= {"most-threads", "most-warps", "lanes", "lowest", "warp-scan"}


def code_of(lesson: str) -> str:
    notebook = Notebook.load(CATALOGUE.source("gpu-numba", lesson) / COURSE.assignment(lesson).notebook)
    return "\n".join(
        cell.source for cell in notebook.code if cell.name in CONSTANTS | notebook.answers.keys()
    )


def float64_in(code: str, kernels: dict[str, str], folder: Path) -> dict[str, str]:
    """For each kernel in that code the lines with arithmetic in float64 that nobody asked for."""
    script = folder / "kernels_of_a_lesson.py"
    script.write_text(code, encoding="utf-8")
    found = runpy.run_path(str(script))
    seen = {}
    for name, problem in kernels.items():
        arguments = PROBLEMS[problem].arguments(PROBLEMS[problem].cases[0].size, np.random.default_rng(1))
        seen[name] = "; ".join(
            map(str, inspect(found[name], arguments, ("sm_90",), sass=False).unasked_float64)
        )
    return seen


@pytest.mark.parametrize("lesson", KERNELS)
def test_no_kernel_of_the_solution_computes_in_float64(tmp_path: Path, lesson: str) -> None:
    kernels = KERNELS[lesson]
    assert float64_in(code_of(lesson), kernels, tmp_path) == dict.fromkeys(kernels, "")


def test_float64_would_be_seen(tmp_path: Path) -> None:
    changed = code_of("lesson1").replace("RED *", "0.2126 *")
    assert "0.2126 * red" in float64_in(changed, {"to_grey": "grey"}, tmp_path)["to_grey"]


@pytest.mark.parametrize("lesson", [one.slug for one in COURSE.assignments])
def test_a_lesson_tells_where_its_kernels_run(lesson: str) -> None:
    notebook = Notebook.load(CATALOGUE.source("gpu-numba", lesson) / COURSE.assignment(lesson).notebook)
    assert any("print(device())" in cell.source for cell in notebook.code)


@pytest.mark.parametrize("lesson", [one.slug for one in COURSE.assignments])
def test_the_release_hides_solutions_and_hidden_tests(tmp_path: Path, lesson: str) -> None:
    assignment = COURSE.assignment(lesson)
    source = CATALOGUE.source("gpu-numba", lesson)
    released = learners_version(source, tmp_path, lesson) / assignment.notebook
    answers = Notebook.load(released).answers
    assert answers.keys() == Notebook.load(source / assignment.notebook).answers.keys()
    for cell in answers.values():
        stub = "YOUR ANSWER HERE" if cell.mark and cell.mark.grade else "raise NotImplementedError()"
        assert stub in cell.source
    text = released.read_text(encoding="utf-8")
    assert not [secret for secret in ("BEGIN SOLUTION", "HIDDEN TESTS", "seed=") if secret in text]
