"""A store whose disk is full: the learner is told, and what was there before is safe."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hpcampus_grading.messages import Receipt

from tests.grading.conftest import Service, StubHub
from tests.grading.test_service import SUBMIT, answer, answer_notebook, archive

pytestmark = pytest.mark.root


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[None]:
    """The store's disk has 4 MiB."""
    (tmp_path / "store").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(tmp_path / "store")]
    subprocess.run(mount, check=True)
    yield
    subprocess.run(["umount", "--lazy", str(tmp_path / "store")], check=True)


@pytest.mark.usefixtures("small_disk")
def test_the_learner_is_told_and_nothing_half_is_kept(service: Service, hub: StubHub, tmp_path: Path) -> None:
    ada = hub.add("ada", "sums")
    first = Receipt.model_validate_json(service.request("POST", SUBMIT, ada, data=answer()).content)
    large = archive(lesson1=answer_notebook(), **{"data.bin": secrets.token_bytes(10 << 20)})
    reply = service.request("POST", SUBMIT, ada, data=large)
    assert reply.status_code == 507
    assert "what you submitted before is safe" in reply.json()["detail"]
    (found,) = service.request("GET", "submissions", ada).json()
    assert Receipt.model_validate(found["receipt"]) == first
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
    assert service.request("GET", f"submissions/{first.id}/files", ada).content == answer()
    # Another that fits is taken again.
    assert service.request("POST", SUBMIT, ada, data=answer("y = 2")).status_code == 201
    fill = tmp_path / "store" / "filled"
    with pytest.raises(OSError, match="No space"):
        fill.write_bytes(bytes(8 << 20))
    assert service.request("GET", "health").status_code == 503
    fill.unlink()
    assert service.request("GET", "health").status_code == 200
