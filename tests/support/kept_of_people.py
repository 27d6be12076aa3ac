"""What grading keeps of ada and ben, for tests of what becomes of it: the exchange, and a course folder."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner, Result
from hpcampus_courses import Assignment
from hpcampus_courses.extension import ExtensionWish
from hpcampus_grading import audit
from hpcampus_grading.archive import pack_bytes
from hpcampus_grading.commands.person import person
from hpcampus_grading.course_folder import CourseFolder
from hpcampus_grading.database import Database, open_database
from hpcampus_grading.extensions import Extensions
from hpcampus_grading.grades import Grades
from hpcampus_grading.ledger import Ledger, Upload
from hpcampus_grading.messages import CellGrade, Grade, Receipt
from hpcampus_grading.store import Store
from hpcampus_grading.tables import Base, SentGradeRow

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LESSON = Assignment(slug="lesson1", title="Sums", points=3, due=NOON)
# Names that no bytes have by chance: in a database's file there is nothing between one column and the next.
ADA, BEN, INES, OTTO = "adalovelace", "benbenjamin", "inesinstructor", "ottooperator"
# What must be nowhere after ada was erased: her name, what only she wrote, and what was said of her.
SECRETS = (ADA, "a poem by herself", "was in hospital", "your poem is good", "a comment on the poem")


def packed(text: str) -> bytes:
    target = io.BytesIO()
    pack_bytes([("lesson1.ipynb", text.encode())], target)
    return target.getvalue()


@dataclass
class Campus:
    """The exchange of a course in which ada and ben handed in the same first, and ada a poem then."""

    database: Database
    url: str
    state: Path
    receipts: dict[str, Receipt] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store(self.state / "store")

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, self.store, clock=lambda: NOON)

    def submit(self, learner: str, text: str) -> Receipt:
        """Hand something in."""
        content = packed(text)
        with self.store.incoming() as file:
            file.write(content)
            return self.ledger.submit("sums", LESSON, learner, Upload(file, len(content), ()))[0]

    def bytes_kept(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that is kept: of files, of what is packed in them, and of PostgreSQL's rows."""
        for path in sorted(self.state.rglob("*")):
            if path.is_file():
                yield str(path), str(path).encode() + b"\n" + path.read_bytes()
                if zipfile.is_zipfile(path):
                    with zipfile.ZipFile(path) as packed_files:
                        yield from (
                            (f"{path}/{name}", packed_files.read(name)) for name in packed_files.namelist()
                        )
        if not self.url.startswith("sqlite"):
            with self.database.engine.connect() as connection:
                for table in Base.metadata.tables:
                    for (row,) in connection.execute(sa.text(f"SELECT CAST(x AS text) FROM {table} x")):
                        yield table, row.encode()

    def holding(self, text: str) -> list[str]:
        """Where it is found."""
        return [place for place, content in self.bytes_kept() if text.encode() in content]

    def run(self, *words: str, answer: str = "") -> Result:
        """The command of an operator."""
        stores = ["--db", self.url, "--store", str(self.state / "store")]
        return CliRunner().invoke(person, [*words, *stores], input=answer)


@contextmanager
def a_campus(database_url: str, tmp_path: Path) -> Iterator[Campus]:
    """With submissions, extensions, grades, feedback, and scores that were sent away."""
    state = tmp_path / "state"
    if database_url.startswith("sqlite"):
        database_url = f"sqlite:///{state}/exchange.sqlite"
    state.mkdir()
    database = open_database(database_url)
    campus = Campus(database, database_url, state)
    for learner, text in ((ADA, "the same"), (BEN, "the same"), (ADA, "a poem by herself")):
        campus.receipts[f"{learner}: {text}"] = campus.submit(learner, text)
    poem, bens = campus.receipts[f"{ADA}: a poem by herself"], campus.receipts[f"{BEN}: the same"]
    for learner, reason in ((ADA, "was in hospital"), (BEN, "has moved")):
        wish = ExtensionWish(due=NOON + timedelta(days=1), reason=reason)
        Extensions(database).grant("sums", LESSON, learner, wish, INES)
    for receipt, comment in ((poem, "a comment on the poem"), (bens, "a comment on sums")):
        cell = CellGrade(notebook="lesson1", cell="total", manual=2, comment=comment)
        grade = Grade(submission=receipt.id, score=2, max_score=3, cells=(cell,))
        Grades(database).record("sums", "lesson1", [grade], INES, "graded")
        page = packed("your poem is good" if receipt is poem else "your sums are good")
        with campus.store.incoming() as file:
            file.write(page)
            campus.ledger.give_feedback(receipt, INES, Upload(file, len(page), ()))
        sent(database, receipt)
    Grades(database).exported("sums", INES)
    yield campus
    database.close()


def sent(database: Database, receipt: Receipt) -> None:
    """As it is written down when a score was sent to a learning platform."""
    about = {"assignment": "lesson1", "learner": receipt.learner, "line_item": "https://lms.example/1"}
    scores = {"score": 2.0, "max_score": 3.0, "finished": True}
    with database.writing() as session:
        session.add(
            SentGradeRow(
                course="sums", submission_id=receipt.id, sent_by=INES, sent_at=NOON, **about, **scores
            )
        )
        audit.append(session, NOON, "send", "sums", who=INES, submission=receipt.id, **about, **scores)


def a_course_folder(tmp_path: Path) -> CourseFolder:
    """An instructor's course folder, with a gradebook in use and one that was put aside."""
    from hpcampus_grading.gradebook import find_programs

    find_programs()
    folder = CourseFolder("sums", tmp_path / "courses")
    for place in (folder.path, folder.path / "before-20260101T000000Z"):
        for step in ("submitted", "autograded", "feedback"):
            for learner in (ADA, BEN):
                (place / step / learner / "lesson1").mkdir(parents=True)
                (place / step / learner / "lesson1" / "lesson1.ipynb").write_text(f"a poem by {learner}self")
        (place / "autograded" / ADA / "lesson1").chmod(0o500)  # as nbgrader leaves it
        _gradebook(place / "gradebook.db")
    (folder.path / "source" / ADA).mkdir(parents=True)
    (folder.path / "source" / ADA / "lesson.py").write_text("a lesson about a language")
    (folder.path / "similarity").mkdir()
    (folder.path / "similarity" / "lesson1.html").write_text(f"<p>{ADA} and {BEN}</p>")
    (folder.path / "similarity" / "lesson2.html").write_text(f"<p>{BEN} and {ADA}s</p>")
    (folder.path / "my notes.txt").write_text(f"talk to {ADA}")
    return folder


def _gradebook(path: Path) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}") as gradebook:
        for assignment in ("lesson1", "lesson2"):
            gradebook.add_assignment(assignment)
            gradebook.add_notebook("book", assignment)
            gradebook.add_grade_cell("test", "book", assignment, max_score=2, cell_type="code")
            gradebook.add_solution_cell("total", "book", assignment)
        for learner in (ADA, BEN):
            gradebook.add_student(learner)
            for assignment in ("lesson1", "lesson2"):
                gradebook.add_submission(assignment, learner)
                comment = gradebook.find_comment("total", "book", assignment, learner)
                comment.manual_comment = f"a remark on {learner}"
                gradebook.find_grade("test", "book", assignment, learner).manual_score = 1
        gradebook.db.commit()
