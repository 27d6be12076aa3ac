"""The exchange over HTTP, as a real server that asks a stand-in for the hub who is there."""

import contextlib
import http.client
import io
import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
import requests
from hpcampus_grading.archive import pack_bytes
from hpcampus_grading.database import open_database
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.messages import Receipt
from hpcampus_grading.store import Store

from tests.grading.conftest import Service, StubHub, lesson, wait_until_ready

SUBMIT = "courses/sums/assignments/lesson1/submissions"
RELEASE = "courses/sums/assignments/lesson1/release"


def archive(**files: bytes | str) -> bytes:
    """A zip as our client makes it; `lesson1` stands for `lesson1.ipynb`."""
    named = {name if "." in name else f"{name}.ipynb": content for name, content in files.items()}
    target = io.BytesIO()
    pack_bytes(((n, c.encode() if isinstance(c, str) else c) for n, c in sorted(named.items())), target)
    return target.getvalue()


def answer(text: str = "x = 1") -> bytes:
    """A submission whose one free cell holds this text."""
    return archive(lesson1=answer_notebook(text))


def answer_notebook(text: str = "x = 1") -> str:
    """A notebook whose one free cell holds this text."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id="free")])
    return str(nbformat.writes(notebook))


@pytest.fixture
def ada(hub: StubHub) -> str:
    return hub.add("ada", "sums")


@pytest.fixture
def ben(hub: StubHub) -> str:
    return hub.add("ben", "sums")


@pytest.fixture
def ines(hub: StubHub) -> str:
    return hub.add("ines", "sums-instructors")


def test_a_submission_gets_a_receipt_by_the_servers_clock(service: Service, ada: str) -> None:
    before = datetime.now(UTC)
    reply = service.request("POST", SUBMIT, ada, data=answer())
    assert reply.status_code == 201, reply.text
    receipt = Receipt.model_validate_json(reply.content)
    assert (receipt.learner, receipt.course, receipt.assignment) == ("ada", "sums", "lesson1")
    assert before <= receipt.received_at <= datetime.now(UTC)
    assert receipt.received_at.utcoffset() == timedelta(0)
    assert [entry.path for entry in receipt.files] == ["lesson1.ipynb"]
    stored = service.request("GET", f"submissions/{receipt.id}/files", ada)
    assert stored.content == answer()
    shown = service.request("GET", f"submissions/{receipt.id}", ada).json()
    assert shown["late_seconds"] > 0  # it was due in 2020: late work is recorded, and accepted


def test_twenty_identical_submissions_at_once_are_one(service: Service, ada: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: service.request("POST", SUBMIT, ada, data=answer()), range(20)))
    assert len({reply.text for reply in replies}) == 1
    assert sorted({reply.status_code for reply in replies}) == [200, 201]
    assert len(service.request("GET", "submissions", ada).json()) == 1


def test_a_receipt_survives_kill_9(service: Service, ada: str) -> None:
    receipt = Receipt.model_validate_json(service.request("POST", SUBMIT, ada, data=answer()).content)
    for process in (*psutil.Process(service.pid).children(), psutil.Process(service.pid)):
        process.kill()
    environment = service.environment
    database = open_database(environment["CAMPUS_EXCHANGE_DB"])
    ledger = Ledger(database, Store(Path(environment["CAMPUS_EXCHANGE_STORE"])))
    (found,) = ledger.submissions(["sums"])
    database.close()
    assert found.receipt == receipt
    assert ledger.store.path(receipt.sha256).read_bytes() == answer()


def test_it_ends_with_a_hub_that_is_killed(service: Service, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    start = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'hpcampus_grading.service'])"
    environment = {**service.environment, "JUPYTERHUB_SERVICE_URL": url}
    log = tmp_path / "second.log"
    with log.open("wb") as output:
        hub = subprocess.Popen([sys.executable, "-c", start], env=environment, stdout=output, stderr=output)
    wait_until_ready(f"{url}/services/exchange", lambda: hub.poll() is None, log)
    hub.kill()
    hub.wait()
    deadline = time.monotonic() + 30
    while answers(f"{url}/services/exchange/health"):
        assert time.monotonic() < deadline


def answers(url: str) -> bool:
    """Whether anybody listens there."""
    try:
        return requests.get(url, timeout=30).ok
    except requests.ConnectionError:
        return False


def test_different_content_is_a_new_submission(service: Service, ada: str) -> None:
    receipts = [service.request("POST", SUBMIT, ada, data=answer(text)).json()["id"] for text in "abab"]
    assert len(set(receipts)) == 4  # going back to an earlier version is a submission too
    listed = service.request("GET", "submissions?course=sums&assignment=lesson1", ada).json()
    assert [entry["receipt"]["id"] for entry in listed] == receipts


def test_nothing_without_a_token_that_may(service: Service, hub: StubHub) -> None:
    paths = [
        "courses",
        "courses/sums",
        "courses/sums/releases",
        RELEASE,
        "submissions",
        "courses/sums/submissions",
    ]
    bad = [None, "unknown", hub.add("eve", "sums", scopes=()), hub.add("bot", "sums", kind="service")]
    bad += [hub.add("../eve", "sums"), hub.add("mallory", "sums", scopes=("access:services!service=other",))]
    for token in bad:
        for path in paths:
            reply = service.request("GET", path, token)
            assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert reply.json()["detail"].endswith(".")
    assert service.request("GET", f"courses?token={hub.add('ada', 'sums')}").status_code == 401


def test_a_revoked_token_stops_working_within_seconds(service: Service, hub: StubHub, ada: str) -> None:
    assert service.request("GET", "courses", ada).ok
    del hub.users[ada]
    deadline = datetime.now(UTC) + timedelta(seconds=15)
    while service.request("GET", "courses", ada).status_code != 401:
        assert datetime.now(UTC) < deadline


def test_a_course_one_is_not_in(service: Service, ada: str) -> None:
    for slug in ("lesson1", "nonsense"):
        reply = service.request("POST", f"courses/other/assignments/{slug}/submissions", ada, data=answer())
        assert reply.status_code == 403
        assert "not in the course 'other'" in reply.json()["detail"]
    assert service.request("GET", "courses/nowhere", ada).status_code == 404
    assert [course["slug"] for course in service.request("GET", "courses", ada).json()] == ["sums"]


def test_only_the_owner_and_instructors_see_a_submission(
    service: Service, hub: StubHub, ada: str, ben: str, ines: str
) -> None:
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    other = hub.add("olga", "other-instructors")
    for path in (f"submissions/{identifier}", f"submissions/{identifier}/files"):
        codes = [service.request("GET", path, token).status_code for token in (ada, ines, ben, other)]
        assert codes == [200, 200, 404, 404]
    assert service.request("GET", "submissions", ben).json() == []
    assert service.request("GET", "courses/sums/submissions", ben).status_code == 403
    assert len(service.request("GET", "courses/sums/submissions", ines).json()) == 1


def test_feedback_is_its_owners_alone(service: Service, ada: str, ben: str, ines: str) -> None:
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    path = f"submissions/{identifier}/feedback"
    page = archive(**{"lesson1.html": "<p>good</p>"})
    assert service.request("PUT", path, ada, data=page).status_code == 403
    assert service.request("PUT", path, ben, data=page).status_code == 404
    assert service.request("GET", path, ada).status_code == 404
    assert service.request("PUT", path, ines, data=page).status_code == 201
    codes = [service.request("GET", path, token).status_code for token in (ada, ben, ines)]
    assert codes == [200, 404, 404]
    assert service.request("GET", path, ada).content == page
    entry = service.request("GET", "submissions", ada).json()[0]
    assert [file["path"] for file in entry["feedback"]["files"]] == ["lesson1.html"]


def test_release_fetch_and_withdraw(service: Service, ada: str, ines: str) -> None:
    assert service.request("GET", RELEASE, ada).status_code == 404
    assert service.request("PUT", RELEASE, ada, data=answer()).status_code == 403
    assert service.request("PUT", RELEASE, ines, data=answer()).status_code == 201
    assert service.request("GET", RELEASE, ada).content == answer()
    listed = service.request("GET", "courses/sums/releases", ada).json()
    assert [(release["assignment"], release["points"]) for release in listed] == [("lesson1", 3)]
    assert service.request("DELETE", RELEASE, ines).status_code == 204
    assert service.request("GET", RELEASE, ada).status_code == 404


def test_solutions_and_hidden_tests_are_never_released(service: Service, ada: str, ines: str) -> None:
    reply = service.request("PUT", RELEASE, ines, data=archive(lesson1=nbformat.writes(lesson())))
    assert reply.status_code == 422
    assert "lesson1.ipynb still holds 'BEGIN SOLUTION'" in reply.json()["detail"]
    only_tests = archive(lesson1=answer_text(), **{"helper.py": "### BEGIN HIDDEN TESTS\n"})
    assert service.request("PUT", RELEASE, ines, data=only_tests).status_code == 422
    source = "courses/sums/assignments/lesson1/source"
    assert [service.request("GET", source, token).status_code for token in (ada, ines)] == [403, 200]


def answer_text() -> str:
    return str(nbformat.writes(nbformat.v4.new_notebook()))


def test_a_notebook_that_is_not_json(service: Service, ada: str) -> None:
    for content in ("this is not JSON", "{}", "[]", '{"cells": 3}', "[" * 100_000, '{"nbformat": 3}'):
        reply = service.request("POST", SUBMIT, ada, data=archive(lesson1=content))
        assert reply.status_code == 422, content[:20]
        assert re.match(r"lesson1\.ipynb is not a notebook .*fetch a fresh copy\.$", reply.json()["detail"])
    assert service.request("GET", "submissions", ada).json() == []


def test_a_submission_without_the_notebook(service: Service, ada: str) -> None:
    reply = service.request("POST", SUBMIT, ada, data=archive(**{"notes.txt": "hello"}))
    assert reply.status_code == 422
    assert "no lesson1.ipynb" in reply.json()["detail"]
    assert service.request("POST", SUBMIT, ada, data=b"not a zip").status_code == 422


@pytest.mark.parametrize("announced", [True, False])
def test_a_gigabyte_is_refused_without_growing(service: Service, ada: str, announced: bool) -> None:
    before = _resident(service)
    status, detail = _send(service, ada, 1 << 30, announced)
    assert (status, "larger than the 50 MiB" in detail) == (413, True)
    assert _resident(service) - before < 64 << 20
    assert list(Path(service.environment["CAMPUS_EXCHANGE_STORE"], "incoming").iterdir()) == []
    assert service.request("POST", SUBMIT, ada, data=answer()).status_code == 201


def _send(service: Service, token: str, size: int, announced: bool) -> tuple[int, str]:
    """Stream zeros until the server has had enough, and read its answer."""
    url = urlsplit(service.url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=60)
    connection.putrequest("POST", f"{url.path}/{SUBMIT}")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader(*(("Content-Length", str(size)) if announced else ("Transfer-Encoding", "chunked")))
    connection.endheaders()
    block = bytes(1 << 20)
    framed = block if announced else b"%x\r\n%b\r\n" % (len(block), block)
    with contextlib.suppress(OSError):  # the server closed the door: its answer is already here
        for _ in range(size // len(block)):
            connection.send(framed)
    with contextlib.closing(connection), connection.getresponse() as reply:
        return reply.status, json.loads(reply.read())["detail"]


def _resident(service: Service) -> int:
    """Bytes of memory that those who serve have used at most, together."""
    serving = [Path(f"/proc/{one.pid}/status").read_text() for one in psutil.Process(service.pid).children()]
    return sum(int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) << 10 for status in serving)


def test_readiness_says_when_nothing_could_be_stored(service: Service, ada: str) -> None:
    assert service.request("GET", "health").json() == {"status": "ready"}
    store = Path(service.environment["CAMPUS_EXCHANGE_STORE"])
    (store / "incoming").rmdir()
    (store / "incoming").write_text("a file where the folder was")
    assert service.request("GET", "health").status_code == 503


def test_a_damaged_file_is_not_handed_out(service: Service, ada: str) -> None:
    receipt = service.request("POST", SUBMIT, ada, data=answer()).json()
    stored = Path(
        service.environment["CAMPUS_EXCHANGE_STORE"], "objects", receipt["sha256"][:2], receipt["sha256"]
    )
    assert stored.stat().st_mode & 0o777 == 0o400
    stored.chmod(0o600)
    stored.write_bytes(b"changed afterwards")
    reply = service.request("GET", f"submissions/{receipt['id']}/files", ada)
    assert (reply.status_code, reply.json()["detail"][:27]) == (500, "The stored copy is damaged ")


def test_the_log_has_a_line_for_each_action_and_no_token(service: Service, ada: str, ines: str) -> None:
    identifier = service.request("POST", SUBMIT, ada, data=answer()).json()["id"]
    service.request("PUT", RELEASE, ines, data=answer())
    log = service.log.read_text()
    assert f"action=submit who=ada course=sums assignment=lesson1 learner=ada id={identifier}" in log
    assert "action=release who=ines" in log
    assert not any(secret in log for secret in (ada, ines, "the-token-of-the-service"))


def test_the_api_describes_itself(service: Service) -> None:
    described = service.request("GET", "openapi.json").json()
    assert "/services/exchange/courses/{course}/assignments/{assignment}/submissions" in described["paths"]
    assert all(op["description"] for path in described["paths"].values() for op in path.values())
