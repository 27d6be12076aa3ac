"""Many submissions at once: what is graded, by whom, what survives a kill, and what a worker can't do."""

import itertools
import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from class_folder import ASSIGNMENT, COURSE, RIGHT, WRONG, ClassFolder, grade
from hpcampus_grading.batch import run
from hpcampus_grading.batch.grading import grade_waiting
from hpcampus_grading.batch.work import Graded, Material, Work
from hpcampus_grading.batch.workers import Crew, local_workers
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")]
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["class_folder"])


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask's certificate goes into a home of the test's."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture
def squares(tmp_path: Path) -> ClassFolder:
    return ClassFolder(tmp_path / "courses").prepare()


def everything(url: str) -> dict[tuple[str, str], Any]:
    """What a gradebook knows of each cell of each learner."""
    with Gradebook(url, "squares") as gradebook:
        notebooks = [n for entry in gradebook.assignment_submissions(ASSIGNMENT) for n in entry.notebooks]
        grades = {
            (n.student.id, g.name): (g.auto_score, g.manual_score, g.needs_manual_grade)
            for n in notebooks
            for g in n.grades
        }
        comments = {(n.student.id, f"about {c.name}"): c.auto_comment for n in notebooks for c in n.comments}
        return {**grades, **comments}


def test_the_gradebook_says_what_nbgraders_own_step_says(squares: ClassFolder) -> None:
    squares.submit("ada")
    squares.submit("ben", WRONG, why="")
    squares.submit("cyd", "import os; os._exit(0)")
    untouched = squares.root / "release" / ASSIGNMENT / "a1.ipynb"
    squares.submit("dan")
    (squares.root / "submitted/dan" / ASSIGNMENT / "a1.ipynb").write_bytes(untouched.read_bytes())
    squares.submit("eve")
    (squares.root / "submitted/eve" / ASSIGNMENT / "a1.ipynb").rename(
        squares.root / "submitted/eve" / ASSIGNMENT / "other.ipynb"
    )
    assert set(grade(squares.root.parent).problems) == {"eve"}
    ours = everything(f"sqlite:///{squares.root}/gradebook.db")
    shown = {path.name: path.read_text() for path in squares.root.glob("autograded/ada/a1/*")}

    (squares.root / "gradebook.db").unlink()
    api: NbGraderAPI = squares.gradebook()._api
    assert api.generate_assignment(ASSIGNMENT)["success"]
    api.autograde(ASSIGNMENT, "*", force=True)
    theirs = everything(f"sqlite:///{squares.root}/gradebook.db")
    assert ours == {where: what for where, what in theirs.items() if where[0] != "eve"}
    assert shown.keys() == {path.name for path in squares.root.glob("autograded/ada/a1/*")}


def test_only_what_is_new_is_graded(squares: ClassFolder) -> None:
    squares.submit_all(["ada", "ben"])
    assert grade(squares.root.parent).graded == ("ada", "ben")
    before = squares.graded_at()
    squares.submit("ben", WRONG)
    assert grade(squares.root.parent).graded == ("ben",)
    assert squares.graded_at()["ada"] == before["ada"]
    assert squares.scores()["ben", "square-test"] == 0


def test_what_people_gave_stays_and_asks_for_another_look(squares: ClassFolder) -> None:
    squares.submit("ada")
    grade(squares.root.parent)
    squares.grade_by_hand("ada", 2.5, "well said")
    grade(squares.root.parent, again=True)
    assert squares.by_hand("ada") == (2.5, "well said")
    (score,) = squares.gradebook().scores(ASSIGNMENT)
    assert (score.score, score.note) == (4.5, "needs a person: manual grading")


def test_a_submission_is_entered_as_a_whole_or_not_at_all(
    squares: ClassFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, **_: Any) -> None: ...

        def preprocess(self, *_: Any) -> None:
            raise OSError("the disk is full")

    squares.submit("ada")
    url = f"sqlite:///{squares.root}/gradebook.db"
    with Gradebook(url, COURSE) as gradebook:
        # The last step is nbgrader's own, for those who were late.
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate=datetime(2020, 1, 1))
    book = squares.gradebook().book(ASSIGNMENT)
    (graded,) = run.one_after_the_other(book.material(), [book.work("ada")])
    with book.entering() as enter:
        with monkeypatch.context() as fault:
            fault.setattr("hpcampus_grading.batch.book.AssignLatePenalties", Broken)
            with pytest.raises(OSError, match="the disk is full"):
                enter(graded)
        assert everything(url) == {}
        enter(graded)
    assert everything(url)["ada", "square-test"] == (2, None, False)


def test_nothing_is_taken_off_any_more_from_who_is_in_time_now(squares: ClassFolder) -> None:
    """After an extension, for example."""
    squares.submit("ada")
    grade(squares.root.parent)
    url = f"sqlite:///{squares.root}/gradebook.db"
    with Gradebook(url, COURSE) as gradebook:
        gradebook.find_submission_notebook("a1", ASSIGNMENT, "ada").late_submission_penalty = 1
        gradebook.db.commit()
    grade(squares.root.parent, again=True)
    with Gradebook(url, COURSE) as gradebook:
        assert gradebook.find_submission_notebook("a1", ASSIGNMENT, "ada").late_submission_penalty is None


def test_who_is_late_is_the_gradebooks_word(squares: ClassFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Noting:
        def __init__(self, **_: Any) -> None: ...

        def preprocess(self, _: Any, resources: dict[str, Any]) -> None:
            seen.append(resources["nbgrader"]["student"])

    squares.submit("ada")
    url = f"sqlite:///{squares.root}/gradebook.db"
    book = squares.gradebook().book(ASSIGNMENT)
    (graded,) = run.one_after_the_other(book.material(), [book.work("ada")])
    monkeypatch.setattr("hpcampus_grading.batch.book.AssignLatePenalties", Noting)

    def entered(due: datetime | None, extension: timedelta | None = None) -> int:
        seen.clear()
        with Gradebook(url, COURSE) as gradebook:
            gradebook.update_or_create_assignment(ASSIGNMENT, duedate=due)
            if extension is not None:
                gradebook.find_submission(ASSIGNMENT, "ada").extension = extension
            gradebook.db.commit()
        with book.entering() as enter:
            enter(graded)
        return len(seen)

    yesterday = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    assert entered(None) == 0
    assert entered(yesterday) == 1
    # Whoever removed the file with the time didn't turn it back.
    (squares.root / "submitted/ada" / ASSIGNMENT / "timestamp.txt").unlink()
    assert entered(yesterday) == 1
    assert entered(yesterday, timedelta(days=2)) == 0


@pytest.mark.parametrize("again", [False, True])
def test_a_kill_loses_only_what_was_in_flight(squares: ClassFolder, again: bool) -> None:
    names = [f"learner{number}" for number in range(5)]
    squares.submit_all(names)
    if again:
        grade(squares.root.parent)
    process = FORK.Process(target=grade, args=(squares.root.parent,), kwargs={"again": again, "die_after": 2})
    first = squares.graded_at()
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    killed = squares.graded_at()
    done = {name for name, moment in killed.items() if moment != first.get(name)}
    assert len(done) == 2
    assert set(grade(squares.root.parent, again=again).graded) == set(names) - done
    assert {name: killed[name] for name in done}.items() <= squares.graded_at().items()
    assert {squares.scores()[name, "square-test"] for name in names} == {2}


def test_two_graders_of_one_assignment_share_the_work(squares: ClassFolder, tmp_path: Path) -> None:
    names = [f"learner{number}" for number in range(4)]
    squares.submit_all(names)
    with FORK.Pool(2) as pool:
        batches = pool.map(grade, [squares.root.parent] * 2)
    assert sorted(name for batch in batches for name in batch.graded) == names
    assert {squares.scores()[name, "square-test"] for name in names} == {2}


def test_a_worker_that_is_killed_is_replaced(squares: ClassFolder) -> None:
    names = [f"learner{number}" for number in range(8)]
    squares.submit_all(names)
    seen: list[tuple[int, int]] = []

    def progress(done: int, of: int) -> None:
        seen.append((done, of))
        if done == 1:
            worker = next(
                child
                for child in psutil.Process().children(recursive=True)
                if "spawn_main" in " ".join(child.cmdline())
                and "multiprocessing" in " ".join(child.cmdline())
            )
            worker.kill()

    batch = grade_waiting(squares.gradebook(), ASSIGNMENT, Crew("here", 2), progress)
    assert (sorted(batch.graded), batch.problems) == (names, {})
    assert seen == [(done, 8) for done in range(9)]
    assert {squares.scores()[name, "square-test"] for name in names} == {2}


def test_workers_speak_tls_and_plain_data(squares: ClassFolder) -> None:
    squares.submit("ada")
    book = squares.gradebook().book(ASSIGNMENT)
    with local_workers(1) as client:
        assert client.scheduler.address.startswith("tls://")
        (graded,) = run.results(client, 1, 1, run.nothing_to_check, book.material(), [book.work("ada")])
    assert {(cell.cell, cell.score) for cell in graded.scores} == {("square-test", 2), ("why", None)}
    assert Graded.model_validate_json(graded.model_dump_json()) == graded


def test_an_answer_that_would_have_to_be_unpickled_is_refused(
    squares: ClassFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    squares.submit("ada")
    book = squares.gradebook().book(ASSIGNMENT)
    monkeypatch.setattr(run, "_grade", slice)  # what it answers is plain to pickle only
    with local_workers(1) as client:
        with pytest.raises(TypeError, match=r"only able to deserialize data with \['msgpack'\]"):
            client.submit(slice, 1).result(timeout=30)
        (graded,) = run.results(client, 1, 1, run.nothing_to_check, book.material(), [book.work("ada")])
    assert (graded.learner, "plain data" in graded.problem) == ("ada", True)


def test_only_who_takes_the_workers_along_alone_is_given_up() -> None:
    class Dying:
        def result(self, timeout: float) -> bytes:
            raise RuntimeError("the workers that had it ended")

    def results(*learners: str) -> tuple[Graded, ...] | None:
        works = tuple(Work(learner=learner, version="1", files=b"") for learner in learners)
        return run._results(Dying(), works, run.nothing_to_check)  # type: ignore[arg-type]

    assert results("ada", "ben") is None
    (alone,) = results("ada") or ()
    assert (alone.learner, "the worker that had it ended" in alone.problem) == ("ada", True)


def test_workers_get_many_at_once_and_towards_the_end_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=itertools.count(1).__next__))
    monkeypatch.setattr(run, "_SECONDS_TOGETHER", 1000)
    unsent, sent = 94, [1] * 6
    pace = run._Pace(workers=2, submissions=100)
    for some in sent:
        if more := min(unsent, pace.together(some)):
            sent.append(more)
            unsent -= more
    assert (unsent, max(sent)) == (0, 8)
    assert sent[-6:] == [1] * 6


def test_an_answer_for_somebody_else_is_no_answer() -> None:
    class Lying:
        status, key = "finished", "k"

        def result(self, timeout: float) -> bytes:
            return b"[%s]" % Graded(learner="ben", version="1").model_dump_json().encode()

    work = Work(learner="ada", version="1", files=b"")
    answers = run._results(Lying(), (work,), run.nothing_to_check)  # type: ignore[arg-type]
    assert [(graded.learner, "for another submission" in graded.problem) for graded in answers or ()] == [
        ("ada", True)
    ]


def test_material_holds_nobodys_work(squares: ClassFolder, tmp_path: Path) -> None:
    squares.submit("hypatia", RIGHT + "\n# my own words")
    grade(squares.root.parent)
    squares.grade_by_hand("hypatia", 1, "a comment on hypatia")
    material = squares.gradebook().book(ASSIGNMENT).material()
    assert b"hypatia" not in material.gradebook
    again = Material.model_validate_json(material.model_dump_json())
    assert again == material
    assert os.environ["HOME"] not in material.model_dump_json()
