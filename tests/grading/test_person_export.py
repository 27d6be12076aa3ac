"""A person's data, handed out: whole, and nobody else's."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hpcampus_grading.commands.person import person
from hpcampus_grading.receipts import PublicKey
from kept_of_people import ADA, BEN, INES, OTTO, SECRETS, Campus, a_campus, a_course_folder

# nbgrader's own queries make SQLAlchemy warn its developers.
nbgraders_warnings = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


@pytest.fixture
def campus(database_url: str, tmp_path: Path) -> Iterator[Campus]:
    with a_campus(database_url, tmp_path) as campus:
        yield campus


def test_everything_is_handed_out_and_nobody_else_is_in_it(campus: Campus, tmp_path: Path) -> None:
    target = tmp_path / "ada.zip"
    done = campus.run("export", ADA, str(target))
    assert (done.exit_code, target.stat().st_mode & 0o777) == (0, 0o600), done.output
    with zipfile.ZipFile(target) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(content) == [
        "exchange.json",
        "sums/lesson1/1/receipt.json",
        "sums/lesson1/1/submission.zip",
        "sums/lesson1/2/feedback-1.zip",
        "sums/lesson1/2/receipt.json",
        "sums/lesson1/2/submission.zip",
    ]
    everything = b"\n".join(content.values())
    assert [name for name in (INES, BEN, OTTO) if name.encode() in everything] == []
    kept = json.loads(content["exchange.json"])
    assert {table: len(rows) for table, rows in kept["own"].items() if rows} == {
        "submissions": 2,
        "extensions": 1,
        "feedback": 1,
        "grades": 1,
        "sent_grades": 1,
    }
    assert len(kept["audit log"]) == 7  # and the line about this very export
    assert kept["own"]["extensions"][0]["reason"] == "was in hospital"
    key = PublicKey.from_pem(campus.ledger.receipt_key.pem().encode())
    assert key.has_signed(json.loads(content["sums/lesson1/2/receipt.json"]))
    assert campus.run("export", ADA, str(target)).exit_code == 1  # nothing is written over


def test_an_instructor_gets_what_they_did_and_not_to_whom(campus: Campus, tmp_path: Path) -> None:
    target = tmp_path / "ines.zip"
    assert campus.run("export", INES, str(target)).exit_code == 0
    with zipfile.ZipFile(target) as archive:
        (text,) = (archive.read(name) for name in archive.namelist())
    kept = json.loads(text)
    assert (len(kept["done for others"]["grades"]), kept["own"]["submissions"]) == (2, [])
    assert [secret for secret in (*SECRETS, BEN, "has moved") if secret.encode() in text] == []


@nbgraders_warnings
def test_the_command_knows_course_folders(tmp_path: Path) -> None:
    folder, target = a_course_folder(tmp_path), tmp_path / "ada.zip"
    done = CliRunner().invoke(person, ["export", ADA, str(target), "--course-folder", str(folder.path)])
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(target) as archive:
        text = archive.read("course folder/sums/gradebook.db.json").decode()
        names = archive.namelist()
    assert (f"a remark on {ADA}" in text, BEN in text, len(names)) == (True, False, 8)
