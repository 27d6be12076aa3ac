"""`campus course check`: a good course passes, and each way to be wrong is found and said."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hpcampus_courses.notebook import Notebook
from hpcampus_grading.commands.course import course

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore")]  # nbgrader's own

LESSON = "sums/source/lesson1/lesson1.ipynb"
EXPECTED = "sums/answers/lesson1/expected.yaml"
INTEGERS = "sums/answers/lesson1/wrong/integers.ipynb"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(course, arguments, catch_exceptions=False)


@pytest.fixture
def courses(tmp_path: Path) -> Path:
    """A folder with a new course."""
    assert run("new", "sums", "--title", "Sums", "--courses", str(tmp_path)).exit_code == 0
    return tmp_path


def check(courses: Path, *options: str) -> Result:
    return run("check", "sums", "--courses", str(courses), *options)


def replace(courses: Path, file: str, old: str, new: str) -> None:
    path = courses / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_new_course_passes(courses: Path) -> None:
    result = check(courses)
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "the instructor's solution 4 of 4 automatic points, as it should" in said
    assert "the empty release 0 of 4 automatic points, as it should" in said
    assert "wrong/integers 2 of 4 automatic points, as it should" in said
    assert said.endswith("Everything is as it should be.")


def wrong_solution(courses: Path) -> None:
    replace(courses, LESSON, "return sum(numbers) / len(numbers)", "return sum(numbers)")


def generous_test(courses: Path) -> None:
    replace(courses, LESSON, "assert mean(", "assert 1 or mean(")


def other_expectations(courses: Path) -> None:
    replace(courses, EXPECTED, "{mean-values-test: 2}", "{mean-values-test: 1, median-test: 1}")
    replace(courses, EXPECTED, "is 1.5, not 1.", "is one and a half")


def not_wrong(courses: Path) -> None:
    replace(courses, INTEGERS, "//", "/")


def no_answers(courses: Path) -> None:
    for path in (courses / "sums/answers").rglob("*.*"):
        path.unlink()


def solution_in_another_cell(courses: Path) -> None:
    solved = "if not numbers: return None return sum(numbers) / len(numbers)"
    replace(courses, LESSON, "# 2 points: the mean is right.", f"# 2 points: {solved}")


def hidden_tests_in_a_file(courses: Path) -> None:
    notebook = Notebook.load(courses / LESSON)
    test = next(cell.source for cell in notebook.code if cell.name == "mean-values-test")
    hidden = test.partition("### BEGIN HIDDEN TESTS")[2].partition("### END")[0]
    (courses / LESSON).with_name("tests.py").write_text(hidden, encoding="utf-8")


SPOILT: list[tuple[Callable[[Path], None], tuple[str, ...]]] = [
    (
        wrong_solution,
        (
            "the instructor's solution: mean-values-test gave 0 points, but 2 were expected",
            "cell mean-values-test fails: AssertionError: The mean of 1 and 2 is 1.5, not 3.",
        ),
    ),
    (generous_test, ("the empty release: mean-values-test gave 2 points, but 0 were expected",)),
    (
        other_expectations,
        (
            "wrong/integers: mean-values-test gave 0 points, but 1 were expected",
            "should say 'The mean of 1 and 2 is one and a half', but said: AssertionError: The mean of",
            "expected.yaml names median-test, which is no cell with automatic points",
        ),
    ),
    (not_wrong, ("wrong/integers: mean-values-test gave 2 points, but 0 were expected",)),
    (
        solution_in_another_cell,
        ("the release: what is hidden in cell mean can be read in cell mean-values-test of lesson1.ipynb",),
    ),
    (
        hidden_tests_in_a_file,
        ("the release: what is hidden in cell mean-values-test can be read in tests.py: ",),
    ),
    (no_answers, ("put a notebook with a common mistake into answers/lesson1/wrong/",)),
]


@pytest.mark.parametrize(("spoil", "sentences"), SPOILT, ids=[spoil.__name__ for spoil, _ in SPOILT])
def test_what_is_wrong_is_said(
    courses: Path, spoil: Callable[[Path], None], sentences: tuple[str, ...]
) -> None:
    spoil(courses)
    result = check(courses, "--no-mutants")
    for sentence in sentences:
        assert sentence in result.output
    assert result.exit_code == 1


def test_tests_that_see_too_little_do_not_pass(courses: Path) -> None:
    replace(
        courses,
        LESSON,
        "return sum(numbers) / len(numbers)",
        "return sum(numbers) / len(numbers) + 0 * (1 - 1)",
    )
    result = check(courses)
    assert "of the solution: 95% must lose points" in result.output
    assert "lives: mean: return sum(numbers) / len(numbers) + 0 * (1 - 1) ->" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("check", "physics"), "there is no course 'physics'; there are: sums"),
        (("check", "sums", "--assignment", "lesson9"), "course sums has no assignment 'lesson9'"),
        (("new", "sums"), "is there already: nothing was written"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    courses: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments, "--courses", str(courses))
    assert sentence in result.output
    assert result.exit_code == 1
