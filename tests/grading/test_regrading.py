"""After a test was fixed: who changes is known before anything is written, and what people gave stays."""

import multiprocessing
import signal
from pathlib import Path

import pytest
from class_folder import ASSIGNMENT, RIGHT, WRONG, ClassFolder, grade, notebook, regrade_and_die
from hpcampus_grading.batch.regrading import Change, regrade, write
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.commands.regrade import what_changes

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")]
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["class_folder"])
ONE = Crew("here", 1)


@pytest.fixture
def squares(tmp_path: Path) -> ClassFolder:
    """Ada is right by a test that is wrong, ben only by that test; cyd is wrong either way."""
    squares = ClassFolder(tmp_path / "courses").prepare()
    squares.write_source(notebook("assert square(3) == 6"))
    squares.gradebook().generate_again(ASSIGNMENT)
    squares.submit("ada")
    squares.submit("ben", "def square(x):\n    return 2 * x")
    squares.submit("cyd", WRONG)
    grade(squares.root.parent)
    squares.grade_by_hand("ada", 2.5, "well said")
    squares.write_source(notebook())
    return squares


def test_changes_are_shown_and_nothing_is_written(squares: ClassFolder) -> None:
    before, files = squares.scores(), squares.graded_at()
    with regrade(squares.gradebook(), ASSIGNMENT, ONE) as regraded:
        assert regraded.changes == (Change("ada", 2.5, 4.5), Change("ben", 2, 0))
        assert what_changes(regraded) == [
            "ada: 2.5 -> 4.5 (+2)",
            "ben: 2 -> 0 (-2)",
            "2 of 3 scores change.",
        ]
    assert (squares.scores(), squares.graded_at()) == (before, files)
    squares.submit("dan")  # by the old test, until somebody agrees
    grade(squares.root.parent)
    assert squares.scores()["dan", "square-test"] == 0


def test_written_it_is_as_shown_and_people_keep_their_say(squares: ClassFolder) -> None:
    gradebook = squares.gradebook()
    with regrade(gradebook, ASSIGNMENT, ONE) as regraded:
        write(gradebook, ASSIGNMENT, regraded)
    scores = {score.learner: (score.score, score.note) for score in gradebook.scores(ASSIGNMENT)}
    assert scores["ada"] == (4.5, "needs a person: manual grading")
    assert (scores["ben"][0], scores["cyd"][0]) == (0, 0)
    assert squares.by_hand("ada") == (2.5, "well said")
    with regrade(gradebook, ASSIGNMENT, ONE) as again:
        assert (again.changes, len(again.results)) == ((), 3)


def test_a_newer_submission_waits_for_its_own_turn(squares: ClassFolder) -> None:
    squares.submit("ben", RIGHT)
    with regrade(squares.gradebook(), ASSIGNMENT, ONE) as regraded:
        assert regraded.skipped == ("ben",)
        assert [change.learner for change in regraded.changes] == ["ada"]
        assert "waits for `campus grade`: ben." in what_changes(regraded)[-1]


def test_a_kill_before_the_question_costs_nothing_that_was_done(squares: ClassFolder) -> None:
    process = FORK.Process(target=regrade_and_die, args=(squares.root.parent, 2))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    told: list[tuple[int, int]] = []
    with regrade(squares.gradebook(), ASSIGNMENT, ONE, lambda done, of: told.append((done, of))) as regraded:
        assert len(regraded.results) == 3
    assert told == [(2, 3), (3, 3)]


def test_other_tests_are_not_answered_from_what_was_kept(squares: ClassFolder) -> None:
    with regrade(squares.gradebook(), ASSIGNMENT, ONE) as regraded:
        assert len(regraded.changes) == 2
    squares.write_source(notebook("assert square(3) == 0"))
    with regrade(squares.gradebook(), ASSIGNMENT, ONE) as regraded:
        assert [change.learner for change in regraded.changes] == ["ben", "cyd"]
