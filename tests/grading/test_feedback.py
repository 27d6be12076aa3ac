"""The page of feedback: what it says of points and checks, and what it keeps to itself."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from class_folder import ASSIGNMENT, RIGHT, ClassFolder, grade
from hpcampus_grading.feedback.named_points import NamedPoint, found_in
from hpcampus_grading.feedback.page import FeedbackPage
from hpcampus_grading.nbgrader_settings import configure
from hpcampus_kernels.verdict import Point, Verdict
from nbformat.v4 import new_notebook, new_output
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from tests.grading.conftest import code, test_cell

VERDICT = Verdict(
    "histogram",
    (
        Point("bounds", "It stays inside its arrays", 5, 5),
        Point(
            "work",
            "Nothing is lost or done twice",
            4,
            5,
            "Two threads added to counts[3]: one was lost.",
        ),
        Point("speed", "It is fast", 0, 0),
    ),
)
HIDDEN = (
    "assert total([1, 2]) == 3, 'the sum of 1 and 2 is 3'\n"
    "### BEGIN HIDDEN TESTS\n"
    "assert total(range(17)) == 136, 'larger sums are wrong'\n"
    "### END HIDDEN TESTS"
)


def page(*cells: Any, wanted: str = "messages") -> str:
    """The HTML of these cells, by the settings and steps that nbgrader uses here; grades are in the cells."""
    config = Config()
    configure(config, {})
    config.HideHiddenTests.wanted = {"lesson1": wanted}
    known = ("ShowGrades", "TakeOver")  # they ask a gradebook
    steps = [name for name in config.GenerateFeedback.preprocessors if not name.endswith(known)]
    exporter = FeedbackPage(config=config, preprocessors=steps)
    facts = {"notebook": "lesson1", "assignment": "lesson1", "score": 1.5, "max_score": 3, "late_penalty": 0}
    html, _ = exporter.from_notebook_node(new_notebook(cells=list(cells)), {"nbgrader": facts})
    return str(html)


def graded(cell: Any, score: float, **more: Any) -> Any:
    """As `ShowGrades` leaves a cell."""
    cell.metadata["nbgrader"] |= {"score": score, **more}
    return cell


def failed(cell: Any, message: str, name: str = "AssertionError") -> Any:
    """As the sandbox leaves a cell whose test failed; the traceback quotes the test."""
    traceback = [f"----> {line}" for line in cell.source.splitlines()]
    cell.outputs.append(new_output("error", ename=name, evalue=message, traceback=traceback))
    return cell


def printed(cell: Any, text: str) -> Any:
    cell.outputs.append(new_output("stream", name="stdout", text=text))
    return cell


def test_the_points_of_a_verdict_are_found_in_its_text() -> None:
    """In both forms in which hpcampus_kernels says them."""
    long, rest = found_in(f"before\n{VERDICT}\nafter")
    assert rest == "before\nafter"
    assert long == (
        NamedPoint("It stays inside its arrays", 5, 5),
        NamedPoint("Nothing is lost or done twice", 4, 5, "Two threads added to counts[3]: one was lost."),
        NamedPoint("It is fast", 0, 0),
    )
    short, rest = found_in("correct 3/3, no races 1/2: one was lost, by two threads, values 0/2")
    assert rest == ""
    assert short == (
        NamedPoint("correct", 3, 3),
        NamedPoint("no races", 1, 2, "one was lost, by two threads"),
        NamedPoint("values", 0, 2),
    )
    assert found_in(VERDICT.summary)[0] == (
        NamedPoint("bounds", 5, 5),
        NamedPoint("work", 4, 5, "Two threads added to counts[3]: one was lost."),
        NamedPoint("speed", 0, 0),
    )


@pytest.mark.parametrize(
    "text", ["", "0.5", "The ratio is 3/4", "1/2", "x = 1\n    y = 2", "  some (3 of 4)"]
)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert found_in(text) == ((), text)


def test_named_points_and_partial_credit_are_shown_as_such() -> None:
    cell = printed(test_cell("check(histogram)", "histogram-test", 3), f"{VERDICT}\n")
    shown = page(graded(cell, 1.5))
    assert "Tests histogram-test" in shown
    assert "1.5 of 3 points (partial credit)" in shown
    assert '<li class="full">It stays inside its arrays: 5/5</li>' in shown
    assert '<li class="some">Nothing is lost or done twice: 4/5<br>Two threads' in shown
    assert '<li class="unseen">It is fast: not checked</li>' in shown
    assert "passed: 5 of 5" not in shown  # it isn't said twice


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_what_nobody_has_read_yet_is_not_wrong(tmp_path: Path) -> None:
    squares = ClassFolder(tmp_path).prepare()
    squares.submit("ada", RIGHT, why="'for a reason of my own'")
    grade(tmp_path)
    before = made(squares, "ada")
    assert "Score: 2 / 5" in before
    assert "3 of these points wait for a person to give them." in before
    assert "3 points, waits for a person to read it" in before
    squares.grade_by_hand("ada", 0, "no")
    after = made(squares, "ada")
    assert "0 of 3 points" in after
    assert "wait" not in after.partition("</nav>")[0].partition("<nav")[2]


def made(squares: ClassFolder, learner: str) -> str:
    """The page that nbgrader makes for a learner of a class folder."""
    config = Config()
    configure(config, {}, squares.root)
    assert NbGraderAPI(config=config).generate_feedback(ASSIGNMENT, learner, force=True)["success"]
    return (squares.root / "feedback" / learner / ASSIGNMENT / "a1.html").read_text()


def test_a_comment_stands_at_the_answer() -> None:
    answer = code("def total(x): ...", "total", solution=True)
    shown = page(graded(answer, 0, comment="Look at **empty** lists. <script>alert(1)</script>"))
    assert "Look at <strong>empty</strong> lists." in shown
    assert "<script" not in shown


def test_hidden_tests_stay_hidden_and_their_message_is_told() -> None:
    cell = failed(printed(test_cell(HIDDEN, "total-test", 2), "x = range(0, 17)"), "larger sums are wrong")
    shown = page(graded(cell, 0))
    assert "larger sums are wrong" in shown
    assert "Hidden tests ran here" in shown
    assert "the sum of 1 and 2 is 3" in shown  # the visible one
    assert [word for word in ("range(0, 17)", "136", "BEGIN HIDDEN") if word in shown] == []


def test_a_message_that_quotes_hidden_tests_is_not_told() -> None:
    """A learner's function finds the test that calls it, and raises its source."""
    cell = failed(test_cell(HIDDEN, "total-test", 2), f"here it is: {HIDDEN}")
    shown = page(graded(cell, 0))
    assert "A test failed." in shown
    assert not re.search(r"\b136\b", shown)


def test_named_points_of_hidden_tests_quote_nothing_either() -> None:
    secret = "assert total(range(17)) == 136, 'larger sums are wrong'"
    cell = printed(test_cell(HIDDEN, "total-test", 2), f"right 1/2: {secret}\nbounds 2/2")
    shown = page(graded(cell, 0))
    assert not re.search(r"\b136\b", shown)
    assert "bounds: 2/2" in shown


def test_an_instructor_may_want_less_or_more() -> None:
    def cell() -> Any:
        return graded(
            failed(printed(test_cell(HIDDEN, "total-test", 2), "bounds 2/2"), "larger sums are wrong"), 0
        )

    nothing, everything = page(cell(), wanted="nothing"), page(cell(), wanted="everything")
    assert "A test failed." in nothing
    assert [word for word in ("larger sums", "136", "bounds") if word in nothing] == []
    assert "larger sums are wrong" in everything
    assert "136" in everything


def test_nothing_of_a_learner_runs_or_calls_home() -> None:
    """No script, nothing from elsewhere, and no markup of theirs in what points are called."""
    hostile = printed(code("1"), "<img src=x onerror=alert(1)> 1/2\nbounds <b> 1/2: <svg onload=alert(2)>")
    points = printed(code("2"), "right 1/2: <svg onload=alert(3)>")
    points.metadata["campus_points"] = [{"name": "<script>", "verdict": '"><script>'}]
    shown = page(nbformat.v4.new_markdown_cell("<script>alert(4)</script>"), hostile, points)
    assert [bad for bad in ("<script", "<svg", "<img src=x") if bad in shown] == []
    assert "http://" not in shown.replace("http-equiv", "")
    assert "https://" not in shown
    assert "default-src 'none'" in shown


def test_a_picture_without_a_description_says_so() -> None:
    picture = {"image/png": "aGFsbG8="}
    silent, described = code("plot()"), code("plot()")
    silent.outputs.append(new_output("display_data", picture))
    described.outputs.append(new_output("display_data", picture, metadata={"image/png": {"alt": "A line"}}))
    shown = page(silent, described)
    assert shown.count("No description has been provided for this image") == 1
    assert shown.count('alt="A line"') == 1


def test_code_is_text_whatever_it_says() -> None:
    shown = page(code("x = '</pre><script>alert(1)</script><img src=x>'  # \"><script>\n%%html\n<script>"))
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;/pre&gt;&lt;script&gt;" in shown
