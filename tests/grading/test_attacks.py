"""Learners who try: another's name, another time, another's files, and bombs."""

import io
import os
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hpcampus_grading.exchange.instructor import ExchangeCollect, read_receipt
from hpcampus_grading.messages import Receipt, timestamp
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer, answer_notebook, archive


@pytest.fixture
def ada(hub: StubHub) -> str:
    return hub.add("ada", "sums")


def test_no_header_query_or_file_makes_somebody_else_of_you(service: Service, hub: StubHub, ada: str) -> None:
    hub.add("ben", "sums")
    path = f"{SUBMIT}?learner=ben&user=ben&student_id=ben"
    named = {"receipt.json": b'{"learner": "ben"}', "student_id.txt": b"ben"}
    reply = service.request("POST", path, ada, data=archive(lesson1=answer_notebook(), **named))
    assert Receipt.model_validate_json(reply.content).learner == "ada"


def test_times_and_receipts_among_the_files_count_for_nothing(
    service: Service, hub: StubHub, ada: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = {"timestamp.txt": b"2000-01-01 00:00:00 UTC", "receipt.json": b"{}", "standing.json": b"{}"}
    content = archive(lesson1=answer_notebook(), **forged)
    receipt = Receipt.model_validate_json(service.request("POST", SUBMIT, ada, data=content).content)
    assert timedelta(0) <= datetime.now(UTC) - receipt.received_at < timedelta(minutes=5)
    monkeypatch.setenv("CAMPUS_EXCHANGE_URL", service.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", hub.add("ines", "sums-instructors"))
    config = Config()
    config.CourseDirectory.root, config.CourseDirectory.course_id = str(tmp_path / "course"), "sums"
    config.CourseDirectory.assignment_id = "lesson1"
    ExchangeCollect(coursedir=CourseDirectory(config=config), config=config).start()
    collected = tmp_path / "course" / "submitted" / "ada" / "lesson1"
    assert (collected / "timestamp.txt").read_text() == timestamp(receipt.received_at)
    assert read_receipt(collected) == receipt
    assert (collected / "standing.json").read_bytes() != b"{}"


def test_nothing_that_is_kept_is_open_to_other_accounts(service: Service, ada: str) -> None:
    assert service.request("POST", SUBMIT, ada, data=answer()).ok
    store = Path(service.environment["CAMPUS_EXCHANGE_STORE"])
    kept = [store, *store.rglob("*")]
    assert any(path.name == "receipt-key.pem" for path in kept)
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0, f"{path} has mode {path.stat().st_mode:o}"


@pytest.mark.parametrize("kind", ["link", "bomb", "up", "case", "many"])
def test_what_is_refused_leaves_nothing_behind(service: Service, ada: str, kind: str) -> None:
    reply = service.request("POST", SUBMIT, ada, data=hostile(kind))
    assert reply.status_code in {413, 422}
    assert reply.json()["detail"].endswith(".")
    store = Path(service.environment["CAMPUS_EXCHANGE_STORE"])
    assert [path for folder in ("incoming", "objects") for path in (store / folder).iterdir()] == []
    assert service.request("GET", "submissions", ada).json() == []


def hostile(kind: str) -> bytes:
    """A zip beside the notebook with: a link, 300 MiB of zeros, a path upwards, two cases, too many files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("lesson1.ipynb", answer_notebook())
        if kind == "link":
            link = zipfile.ZipInfo("link")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(link, "/etc/passwd")
        names = {"bomb": ["bomb"], "up": ["../up"], "case": ["a", "A"], "many": [str(n) for n in range(1001)]}
        for name in names.get(kind, []):
            packed.writestr(name, bytes(300 << 20) if kind == "bomb" else b"x")
    return target.getvalue()


def test_a_sparse_terabyte_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpcampus_grading.exchange.client import Client, ExchangeProblem

    huge = tmp_path / "data.bin"
    with huge.open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(ExchangeProblem, match="too large to send"):
        Client("http://127.0.0.1:9", "token").submit("sums", "lesson1", tmp_path, [huge])
