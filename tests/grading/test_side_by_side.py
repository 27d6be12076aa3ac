"""Work in forks: all of it is done, by several processes, and what fails there fails here, in words."""

import os
from pathlib import Path

import pytest
from class_folder import ASSIGNMENT, WRONG, ClassFolder, grade
from hpcampus_grading.gradebook import GradingProblem
from hpcampus_grading.side_by_side import side_by_side


def test_each_part_has_a_process_of_its_own(tmp_path: Path) -> None:
    def work(part: str) -> None:
        (tmp_path / part).write_text(str(os.getpid()))

    side_by_side(["a", "b", "c"], work)
    done = {path.name: int(path.read_text()) for path in tmp_path.iterdir()}
    assert set(done) == {"a", "b", "c"}
    assert (done["a"], len(set(done.values()))) == (os.getpid(), 3)


def test_what_fails_in_a_fork_is_done_again_here(tmp_path: Path) -> None:
    here = os.getpid()

    def work(part: str) -> None:
        if os.getpid() != here:
            os._exit(3)
        (tmp_path / part).touch()

    side_by_side(["a", "b"], work)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_where_it_fails_again_it_says_why() -> None:
    def work(part: str) -> None:
        if part == "b":
            raise ValueError("b is wrong")

    with pytest.raises(ValueError, match="b is wrong"):
        side_by_side(["a", "b"], work)


def test_nothing_to_do() -> None:
    side_by_side([], lambda _: None)


@pytest.mark.sandbox
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
def test_feedback_is_the_same_whoever_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    squares = ClassFolder(tmp_path / "courses").prepare()
    squares.submit_all(["ada", "ben", "cyd"])
    squares.submit("dan", WRONG)
    grade(tmp_path / "courses")
    gradebook = squares.gradebook()

    def pages(processes: int) -> dict[str, str]:
        gradebook.make_feedback(ASSIGNMENT, processes)
        found = (squares.root / "feedback").glob(f"*/{ASSIGNMENT}/a1.html")
        return {path.parent.parent.name: path.read_text() for path in found}

    alone = pages(1)
    assert set(alone) == {"ada", "ben", "cyd", "dan"}
    for page in squares.root.glob(f"feedback/*/{ASSIGNMENT}/a1.html"):
        page.unlink()
    assert pages(3) == alone
    (squares.root / "autograded/ben" / ASSIGNMENT / "a1.ipynb").chmod(0o600)
    (squares.root / "autograded/ben" / ASSIGNMENT / "a1.ipynb").write_text("no notebook")
    with pytest.raises(GradingProblem, match="make feedback"):
        gradebook.make_feedback(ASSIGNMENT, 3)
