"""A person's data, erased: from every byte that grading keeps, but nobody else's."""

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hpcampus_courses.extension import ExtensionWish
from hpcampus_grading import audit
from hpcampus_grading.auditing import audit_all
from hpcampus_grading.commands.person import person
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.person import erasing
from hpcampus_grading.person.course_folders import erase_from
from hpcampus_grading.person.erasing import erase, remove_orphans
from hpcampus_grading.receipts import PublicKey
from hpcampus_grading.store import Store
from kept_of_people import (
    ADA,
    BEN,
    INES,
    LESSON,
    NOON,
    OTTO,
    SECRETS,
    Campus,
    a_campus,
    a_course_folder,
)

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import answer_notebook, archive

# nbgrader's own queries make SQLAlchemy warn its developers.
nbgraders_warnings = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def campus(database_url: str, tmp_path: Path) -> Iterator[Campus]:
    with a_campus(database_url, tmp_path) as campus:
        yield campus


@pytest.fixture
def folder(tmp_path: Path) -> CourseFolder:
    return a_course_folder(tmp_path)


@pytest.mark.parametrize("secret", SECRETS)
def test_all_of_it_is_there_to_be_erased(campus: Campus, secret: str) -> None:
    """Or else the next test would find nothing for another reason."""
    assert campus.holding(secret)


def test_nothing_of_who_was_erased_is_left_in_any_byte(campus: Campus) -> None:
    done = campus.run("erase", ADA, "--yes")
    assert done.exit_code == 0, done.output
    assert {secret: campus.holding(secret) for secret in SECRETS} == {secret: [] for secret in SECRETS}
    assert "2 submissions" in done.output
    assert "the learning platform" in done.output


def test_what_others_handed_in_too_stays_theirs(campus: Campus) -> None:
    erase(campus.database, campus.store, ADA, OTTO)
    bens = campus.receipts[f"{BEN}: the same"]
    with zipfile.ZipFile(campus.store.path(bens.sha256)) as files:
        assert files.read("lesson1.ipynb") == b"the same"
    (found,) = campus.ledger.submissions(["sums"])
    assert (found.receipt, found.feedback is not None) == (bens, True)
    key = PublicKey.from_pem(campus.ledger.receipt_key.pem().encode())
    assert key.has_signed(found.receipt.model_dump(mode="json"))
    (grade,) = Grades(campus.database).latest("sums")
    assert (grade.learner, grade.recorded_by, grade.grade.cells[0].comment) == (
        BEN,
        INES,
        "a comment on sums",
    )
    (extension,) = Extensions(campus.database).of_assignment("sums", "lesson1")
    assert extension.reason == "has moved"


def test_the_log_stays_a_whole_chain_and_says_that_it_happened(campus: Campus) -> None:
    head, bens = audit_all(campus.database).head, campus.receipts[f"{BEN}: the same"]
    done = erase(campus.database, campus.store, ADA, OTTO)
    report = audit_all(campus.database, campus.store, head=head, receipt=bens)
    # Her two submissions, her extension, grade, feedback and sent score.
    assert (report.problems, report.erased, done.emptied, done.rewritten) == ((), 6, 6, 0)
    with campus.database.reading() as session:
        last = list(audit.entries(session))[-1]
    assert last.facts is not None
    assert (last.action, last.facts["who"], last.facts["subject"]) == ("erase", OTTO, done.subject)


def test_an_instructor_is_erased_and_the_work_of_others_keeps_its_history(campus: Campus) -> None:
    done = erase(campus.database, campus.store, INES, OTTO)
    assert campus.holding(INES) == []
    report = audit_all(campus.database, campus.store)
    assert (report.problems, report.erased, done.emptied) == ((), 0, 0)
    (entry,) = [grade for grade in Grades(campus.database).latest("sums") if grade.learner == BEN]
    assert (entry.grade.score, entry.recorded_by) == (2, done.subject)


def test_one_after_the_other_and_who_erased_them_too(campus: Campus) -> None:
    erase(campus.database, campus.store, INES, OTTO)
    erase(campus.database, campus.store, ADA, OTTO)
    erase(campus.database, campus.store, OTTO, OTTO)
    assert [campus.holding(name) for name in (INES, ADA, OTTO)] == [[], [], []]
    assert audit_all(campus.database, campus.store).problems == ()


TAMPERING = {
    "a text that was taken away": "UPDATE audit SET body = NULL WHERE number = (SELECT min(number) FROM audit"
    " WHERE body LIKE '%benbenjamin%')",
    "a text that had lost a name": "UPDATE audit SET body = replace(body, 'graded', 'guessed')"
    " WHERE body LIKE '%graded%' AND body LIKE '%benbenjamin%'",
    "the line of the erasure": "UPDATE audit SET body = NULL WHERE action = 'erase'",
}


@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING)
def test_no_other_change_passes_for_an_erasure(campus: Campus, statement: str) -> None:
    erase(campus.database, campus.store, ADA, OTTO)
    erase(campus.database, campus.store, INES, OTTO)
    with campus.database.engine.begin() as connection:
        assert connection.execute(sa.text(statement)).rowcount
    assert audit_all(campus.database).problems


def test_an_interrupted_erasure_is_ended_by_the_next(campus: Campus, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(erasing, "remove_orphans", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erase(campus.database, campus.store, ADA, OTTO)
    assert campus.holding("a poem by herself")
    erase(campus.database, campus.store, ADA, OTTO)
    assert [campus.holding(secret) for secret in SECRETS] == [[]] * len(SECRETS)


def test_a_file_that_comes_while_orphans_are_removed_is_kept(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its being on the disk and its being named by a row, it is nobody's."""
    keep, removed = Store.keep, []

    def kept_and_swept(self: Store, file: io.BufferedRandom) -> str:
        sha256 = keep(self, file)
        if not removed:
            removed.append(remove_orphans(campus.database, campus.store))
        return sha256

    monkeypatch.setattr(Store, "keep", kept_and_swept)
    receipt = campus.submit("cleo", "a late idea")
    assert removed == [1]
    with zipfile.ZipFile(campus.store.path(receipt.sha256)) as files:
        assert files.read("lesson1.ipynb") == b"a late idea"


def test_it_asks_before_it_erases(campus: Campus) -> None:
    refused = campus.run("erase", ADA, answer="n\n")
    assert (refused.exit_code, "submissions: 2" in refused.output) == (1, True)
    assert campus.holding("a poem by herself")
    assert campus.run("erase", ADA, answer="y\n").exit_code == 0
    assert campus.holding("a poem by herself") == []


def test_what_others_wrote_of_somebody_is_shown_to_a_person(campus: Campus) -> None:
    wish = ExtensionWish(due=NOON + timedelta(days=2), reason=f"works with {ADA}")
    Extensions(campus.database).grant("sums", LESSON, BEN, wish, INES)
    told = campus.run("erase", ADA, "--yes").output
    assert "look whether it may stay: extensions 3, reason" in told
    assert "look whether it may stay: audit" in told
    assert audit_all(campus.database).problems == ()


def test_the_exchange_may_run_meanwhile(service: Service, hub: StubHub) -> None:
    place = "courses/sums/assignments/lesson2/submissions"
    ada, ben = hub.add(ADA, "sums"), hub.add(BEN, "sums")
    for token, text in ((ada, "a poem by herself"), (ben, "sums")):
        content = archive(lesson2=answer_notebook(text))
        assert service.request("POST", place, token, data=content).status_code == 201
    stores = [
        "--db",
        service.environment["CAMPUS_EXCHANGE_DB"],
        "--store",
        service.environment["CAMPUS_EXCHANGE_STORE"],
    ]
    done = CliRunner().invoke(person, ["erase", ADA, "--yes", *stores])
    assert done.exit_code == 0, done.output
    kept = [*service.log.parent.glob("exchange.sqlite*"), *service.log.parent.glob("store/objects/*/*")]
    assert [path for path in kept if ADA.encode() in path.read_bytes()] == []
    assert service.request("GET", "submissions", ada).json() == []
    assert len(service.request("GET", "submissions", ben).json()) == 1
    assert service.request("POST", place, ben, data=archive(lesson2=answer_notebook("x"))).status_code == 201


@pytest.mark.parametrize("words", [["--db", "sqlite://"], [], ["--course-folder", "/"]])
def test_half_a_place_is_refused(words: list[str], tmp_path: Path) -> None:
    name = ADA if "/" not in words else "../ada"
    done = CliRunner().invoke(person, ["erase", name, "--yes", *words])
    assert (done.exit_code, done.output.startswith("Error:")) == (1, True)


@nbgraders_warnings
def test_a_course_folder_forgets_somebody(folder: CourseFolder) -> None:
    found = erase_from(folder, ADA)
    assert (found.folders, found.gradebooks, found.pages) == (6, 2, 1)
    left = [path for path in folder.path.rglob("*") if path.is_file() and ADA.encode() in path.read_bytes()]
    assert sorted(path.name for path in left) == ["lesson2.html", "my notes.txt"]  # adalovelaces is another
    assert [path.name for path in found.mentions] == ["my notes.txt"]
    assert (folder.path / "source" / ADA / "lesson.py").exists()
    assert len(list(folder.path.rglob(f"submitted/{BEN}"))) == 2
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder.path}/gradebook.db") as gradebook:
        (student,) = gradebook.students
        remark = gradebook.find_comment("total", "book", "lesson2", BEN).manual_comment
    assert (student.id, remark) == (BEN, f"a remark on {BEN}")


@nbgraders_warnings
def test_the_command_knows_course_folders(folder: CourseFolder) -> None:
    done = CliRunner().invoke(person, ["erase", ADA, "--yes", "--course-folder", str(folder.path)])
    assert done.exit_code == 0, done.output
    assert "its audit log says nothing of this" in done.output
    assert "look whether it may stay" in done.output
    assert list(folder.path.rglob(f"submitted/{ADA}")) == []


@nbgraders_warnings
def test_somebody_elses_course_folder_is_left_alone(
    folder: CourseFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4242)
    done = CliRunner().invoke(person, ["erase", ADA, "--yes", "--course-folder", str(folder.path)])
    assert (done.exit_code, "do this as its owner" in done.output) == (1, True)
    assert list(folder.path.rglob(f"submitted/{ADA}"))
