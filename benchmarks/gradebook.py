"""How long do an instructor's pages take for 1,000 learners, beside nbgrader's own API on as many?

`python benchmarks/gradebook.py`: no root, a minute. Each learner has submitted twice, and their latest
submission has a grade for nine cells, as in our first lesson; nbgrader's gradebook holds the same. Ours is
asked over HTTP, as programs ask it, nbgrader's API is called in its process. The rounds alternate; each
figure is the median of five, in seconds.
"""

import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import requests
import yaml
from hpcampus_grading.database import open_database
from hpcampus_grading.gradebook import find_programs
from hpcampus_grading.tables import FeedbackRow, GradeRow, SubmissionRow
from nbgrader.api import Grade, Gradebook, Student, SubmittedAssignment, SubmittedNotebook
from nbgrader.apps import NbGrader, NbGraderAPI
from nbgrader.plugins import CsvExportPlugin
from outcome import table, write
from submissions import COURSE, Exchange

LEARNERS, ATTEMPTS, CELLS, ROUNDS = 1000, 2, 9, 5
NAMES = [f"learner{number:04}" for number in range(LEARNERS)]
START = datetime(2031, 1, 1, tzinfo=UTC)
TARGETS = {"list of submissions": 0.3, "status": 0.3, "where everybody stands": 0.3, "CSV of grades": 1.0}


class Hub(BaseHTTPRequestHandler):
    """Says that whoever asks teaches the course, and who is enrolled."""

    def do_GET(self) -> None:
        """Answer for a user or for the group."""
        scopes = ["access:services!service=exchange"]
        user = {"kind": "user", "name": "ines", "groups": [COURSE["instructors"]], "scopes": scopes}
        group = {"name": COURSE["roster"], "users": NAMES}
        body = json.dumps(user if self.path.endswith("/user") else group).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def score(learner: int, cell: int) -> float:
    """Some points, of one for each cell."""
    return float((learner + cell) % 3 > 0)


def fill_exchange(url: str) -> None:
    """Two submissions of everybody, the latest of them graded and with feedback."""
    database = open_database(url)
    places = [(number, attempt) for number in range(LEARNERS) for attempt in range(1, ATTEMPTS + 1)]
    with database.writing() as session:
        session.add_all(_submission(*place) for place in places)
        session.flush()
        session.add_all(_grade(number, _name(number, ATTEMPTS)) for number in range(LEARNERS))
        session.add_all(_feedback(_name(number, ATTEMPTS)) for number in range(LEARNERS))
    database.close()


def _name(number: int, attempt: int) -> str:
    return f"{number:028x}{attempt:04x}"


def _submission(number: int, attempt: int) -> SubmissionRow:
    files = [{"path": "lesson1.ipynb", "size": 30_000, "sha256": "0" * 64}]
    return SubmissionRow(
        id=_name(number, attempt),
        course=COURSE["slug"],
        assignment="lesson1",
        learner=NAMES[number],
        attempt=attempt,
        received_at=START + timedelta(seconds=number),
        sha256="0" * 64,
        size=30_000,
        files=files,
    )


def _feedback(submission: str) -> FeedbackRow:
    row = FeedbackRow(submission_id=submission, released_by="ines", released_at=START)
    row.sha256, row.size, row.files = "0" * 64, 1, []
    return row


def _grade(number: int, submission: str) -> GradeRow:
    given = {"notebook": "lesson1", "manual": None, "extra": None, "points": 1.0, "comment": None}
    cells = [{**given, "cell": f"test{cell}", "auto": score(number, cell)} for cell in range(CELLS)]
    total = sum(score(number, cell) for cell in range(CELLS))
    grade = {"submission": submission, "score": total, "max_score": CELLS, "penalty": 0}
    return GradeRow(
        submission_id=submission,
        grade={**grade, "needs_person": False, "cells": cells},
        reason="graded",
        recorded_by="ines",
        recorded_at=START,
    )


@contextmanager
def exchange(folder: Path) -> Iterator[Callable[[str], bytes]]:
    """The service on a full database; what it is asked for, it answers."""
    source = folder / "courses" / COURSE["slug"] / "source" / "lesson1"
    source.mkdir(parents=True)
    (source / "lesson1.ipynb").touch()
    (source.parents[1] / "course.yaml").write_text(yaml.safe_dump(COURSE))
    fill_exchange(f"sqlite:///{folder}/exchange.sqlite")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        hub.daemon_threads = True
        Thread(target=hub.serve_forever, daemon=True).start()
        running = Exchange(folder, f"http://127.0.0.1:{hub.server_address[1]}/hub/api")
        thread = Thread(target=running.keep_alive)
        thread.start()
        running.until_ready()

        def ask(path: str) -> bytes:
            url = f"{running.url}/courses/{COURSE['slug']}/{path}"
            answer = requests.get(url, headers={"Authorization": "Bearer of-ines"}, timeout=60)
            answer.raise_for_status()
            return answer.content

        yield ask
        running.end()
        thread.join()
        hub.shutdown()


def fill_nbgrader(folder: Path) -> tuple[Any, Callable[[], object]]:
    """The same in nbgrader's gradebook; answers its API, and its export to CSV."""
    find_programs()
    app = NbGrader()
    app.config.CourseDirectory.root = str(folder)
    app.config.CourseDirectory.course_id = COURSE["slug"]
    api = NbGraderAPI(config=app.config)
    gradebook = Gradebook(api.coursedir.db_url, COURSE["slug"])
    gradebook.add_assignment("lesson1")
    gradebook.add_notebook("lesson1", "lesson1")
    for cell in range(CELLS):
        name = f"test{cell}"
        gradebook.add_grade_cell(name, "lesson1", "lesson1", max_score=1, cell_type="code")
    # Its own methods commit each learner by itself, which takes minutes.
    gradebook.db.add_all(Student(id=learner) for learner in NAMES)
    gradebook.db.flush()
    assignment = gradebook.find_assignment("lesson1")
    gradebook.db.add_all(_submitted(assignment, *pair) for pair in enumerate(NAMES))
    for learner in NAMES:
        for kind in ("submitted", "autograded"):
            (folder / kind / learner / "lesson1").mkdir(parents=True)
            (folder / kind / learner / "lesson1" / "lesson1.ipynb").touch()
    gradebook.db.commit()
    exporter = CsvExportPlugin(to=str(folder / "grades.csv"))
    return api, lambda: exporter.export(gradebook)


def _submitted(assignment: Any, number: int, learner: str) -> SubmittedAssignment:
    """What `add_submission` makes, in one transaction with all others."""
    moment = START.replace(tzinfo=None)
    (notebook,) = assignment.notebooks
    submission = SubmittedAssignment(assignment_id=assignment.id, student_id=learner, timestamp=moment)
    submitted = SubmittedNotebook(notebook_id=notebook.id, assignment=submission)
    for cell, known in enumerate(notebook.grade_cells):
        Grade(cell_id=known.id, notebook=submitted, auto_score=score(number, cell), needs_manual_grade=False)
    return submission


def seconds(step: Callable[[], object]) -> float:
    """How long it takes once."""
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def main() -> None:
    """Fill both, and time what answers the same question in turns."""
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory(prefix="hpcampus-gradebook-") as name:
        theirs = Path(name, "nbgrader")
        theirs.mkdir()
        api, export = fill_nbgrader(theirs)
        os.chdir(theirs)
        with exchange(Path(name)) as ask:
            pairs: dict[str, tuple[str, Callable[[], object]]] = {
                "list of submissions": ("submissions", lambda: api.get_submissions("lesson1")),
                "status": ("status", lambda: api.get_notebook_submissions("lesson1", "lesson1")),
                "where everybody stands": ("status/learners", api.get_students),
                "CSV of grades": ("grades.csv", export),
            }
            rows = [_row(what, ask, path, step) for what, (path, step) in pairs.items()]
            assert len(ask("grades.csv").splitlines()) == LEARNERS + 1
    table(rows)
    packages = ("hpcampus-grading", "nbgrader", "fastapi", "sqlalchemy")
    write("gradebook", rows, *packages, learners=LEARNERS, attempts=ATTEMPTS, cells=CELLS, rounds=ROUNDS)
    slow = [row["question"] for row in rows if row["ours s"] > row["target s"]]
    assert not slow, f"slower than promised: {', '.join(slow)}"


def _row(what: str, ask: Callable[[str], bytes], path: str, step: Callable[[], object]) -> dict[str, Any]:
    times = [(seconds(lambda: ask(path)), seconds(step)) for _ in range(ROUNDS)]
    ours, nbgrader = median(pair[0] for pair in times), median(pair[1] for pair in times)
    ratio = median(theirs / own for own, theirs in times)
    row = {"question": what, "ours s": ours, "target s": TARGETS[what]}
    return {**row, "nbgrader s": nbgrader, "ratio": ratio}


if __name__ == "__main__":
    main()
