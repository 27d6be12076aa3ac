"""Receipts: signed with the exchange's key, and worth nothing once a letter of them was changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hpcampus_grading.commands.receipt import receipt
from hpcampus_grading.messages import Receipt
from hpcampus_grading.receipts import KEY_FILE, BadKey, PublicKey, SigningKey
from seats import Seat

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer, answer_notebook

CHANGES: dict[str, Any] = {
    "learner": "eve",
    "received_at": "2020-01-01T00:00:00Z",
    "attempt": 2,
    "late_seconds": 0,
    "percent_off": 5.0,
    "due": None,
    "sha256": "0" * 64,
    "size": 1,
    "files": [],
    "id": "0" * 32,
    "course": "other",
    "audit_hash": "0" * 64,
    "signature": "AAAA",
}


@pytest.fixture
def given(service: Service, hub: StubHub) -> dict[str, Any]:
    reply = service.request("POST", SUBMIT, hub.add("ada", "sums"), data=answer())
    found: dict[str, Any] = reply.json()
    return found


@pytest.fixture
def key(service: Service, tmp_path: Path) -> Path:
    """The public key, as everybody gets it."""
    path = tmp_path / "key.pem"
    path.write_text(service.request("GET", "receipt-key").text)
    return path


def verify(tmp_path: Path, content: object, *options: object) -> Result:
    path = tmp_path / "receipt.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=4))
    return CliRunner().invoke(receipt, ["verify", str(path), *map(str, options)], env={"TZ": "UTC"})


def test_a_receipt_is_genuine_also_without_a_network(
    tmp_path: Path, given: dict[str, Any], key: Path
) -> None:
    done = verify(tmp_path, given, "--key", key)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Genuine: the exchange with the key ")
    assert "submission 1 by ada" in done.output
    assert "Not compared: the files" in done.output
    # As nbgrader's programs and `campus submit` write it.
    assert verify(tmp_path, Receipt.model_validate(given).model_dump_json(), "--key", key).exit_code == 0


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_receipt_is_not(tmp_path: Path, given: dict[str, Any], key: Path, field: str) -> None:
    assert given[field] != CHANGES[field]
    done = verify(tmp_path, given | {field: CHANGES[field]}, "--key", key)
    assert (done.exit_code, "NOT genuine" in done.output) == (1, True)


def test_another_key_proves_nothing(tmp_path: Path, given: dict[str, Any]) -> None:
    other = tmp_path / "other.pem"
    other.write_text(SigningKey.of(tmp_path).public.pem())
    assert "comes from another exchange" in verify(tmp_path, given, "--key", other).output
    assert "not a public key" in verify(tmp_path, given, "--key", tmp_path / KEY_FILE).output
    assert "is not a receipt" in verify(tmp_path, "{}", "--key", other).output
    unsigned = given | {"signature": None, "signed_with": None}
    assert "before receipts were signed" in verify(tmp_path, unsigned, "--key", other).output


def test_handing_in_from_ones_own_machine(service: Service, hub: StubHub, tmp_path: Path) -> None:
    home, work = tmp_path / "laptop", tmp_path / "laptop/work"
    work.mkdir(parents=True)
    (work / "lesson1.ipynb").write_text(answer_notebook())
    seat = Seat(home, {"PATH": "/usr/bin:/bin", "HOME": str(home)})
    command = ("campus", "submit", "sums", "lesson1", "work", "--url", service.url)
    said = seat.run(*command, ok=False)
    assert ["/hub/token" in said, "Traceback" in said] == [True, False]
    token = home / ".config/hpcampus/token"
    token.parent.mkdir(parents=True)
    token.write_text(hub.add("ada", "sums") + "\n")
    token.chmod(0o644)
    assert f"chmod 600 {token}" in seat.run(*command, ok=False)
    token.chmod(0o600)
    assert "The receipt is" in seat.run(*command)
    (kept,) = (work / "receipts").iterdir()
    key = home / "receipt-key.pem"
    key.write_bytes(service.request("GET", "receipt-key").content)
    seat.run("campus", "receipt", "verify", str(kept), "--files", "work", "--key", str(key))
    token.write_text("a token of nobody's")
    said = seat.run(*command, ok=False)
    assert ["make a new one at /hub/token" in said, "Traceback" in said] == [True, False]


def test_the_exchange_is_asked_for_the_key(
    tmp_path: Path, service: Service, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Say where the public key is" in verify(tmp_path, given).output
    monkeypatch.setenv("CAMPUS_EXCHANGE_URL", service.url)
    assert "Genuine" in verify(tmp_path, given).output


def test_files_are_compared(tmp_path: Path, given: dict[str, Any], key: Path) -> None:
    import zipfile
    from io import BytesIO

    folder = tmp_path / "lesson1"
    zipfile.ZipFile(BytesIO(answer())).extractall(folder)
    assert verify(tmp_path, given, "--key", key, "--files", folder).exit_code == 0
    (folder / "notes.txt").write_text("later")
    (folder / "lesson1.ipynb").write_text("changed")
    done = verify(tmp_path, given, "--key", key, "--files", folder)
    assert done.exit_code == 1
    assert "lesson1.ipynb is not as it was submitted." in done.output
    assert "notes.txt was not submitted." in done.output
    (folder / "lesson1.ipynb").unlink()
    assert (
        "lesson1.ipynb was submitted and is not in"
        in verify(tmp_path, given, "--key", key, "--files", folder).output
    )


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    names = {SigningKey.of(tmp_path).public.name for _ in range(2)}
    path = tmp_path / KEY_FILE
    assert (len(names), path.stat().st_mode & 0o777, [p.name for p in tmp_path.iterdir()]) == (
        1,
        0o600,
        [KEY_FILE],
    )
    path.chmod(0o640)
    with pytest.raises(BadKey, match="chmod 600"):
        SigningKey.of(tmp_path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(BadKey, match="is not a private key"):
        SigningKey.of(tmp_path)
    with pytest.raises(BadKey, match="not a public key"):
        PublicKey.from_pem(b"no key")
