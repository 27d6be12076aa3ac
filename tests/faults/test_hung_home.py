"""A home that hangs, as on a network file system whose server is gone: it is that person's trouble alone."""

import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import invariants
import pytest
import requests
from campus_under_test import CampusUnderTest, local_campus, wait_for

pytestmark = pytest.mark.image

COURSE = "gpu-numba"


@pytest.fixture
def campus() -> Iterator[CampusUnderTest]:
    """A campus with room for two."""
    with local_campus(cpus=4) as campus:
        yield campus


@contextmanager
def hung(home: Path, image: Path) -> Iterator[None]:
    """In this block a file system that doesn't answer lies over a home; nothing of it is remembered."""
    subprocess.run(["mksquashfs", str(home), str(image), "-quiet", "-no-progress"], check=True)
    options = "allow_other,ro,attr_timeout=0,entry_timeout=0"
    with subprocess.Popen(["squashfuse", "-f", "-o", options, str(image), str(home)]) as program:
        try:
            wait_for(home.is_mount, "the home is mounted")
            program.send_signal(signal.SIGSTOP)
            yield
        finally:
            program.kill()
            subprocess.run(["umount", "--lazy", str(home)], check=True)


def test_only_its_owner_waits(campus: CampusUnderTest, tmp_path: Path) -> None:
    """Fault: Ada's home hangs while she starts. Expected: Ben starts, the hub's pages stay quick, and
    Ada can start when her home is back. Kept: the notebooks of others."""
    ada, ben = campus.person("ada"), campus.person("ben")
    with ThreadPoolExecutor(1) as pool, ExitStack() as until_back:
        until_back.enter_context(hung(campus.home("ada"), tmp_path / "ada.squashfs"))
        waiting = pool.submit(ada.start, COURSE, {"course": COURSE})
        wait_for(lambda: ada.model(COURSE), "Ada's start is under way")
        ben.start(COURSE, {"course": COURSE})
        ben.until_ready(COURSE)
        # Her home hangs until the end of this block: a hub that waits for it never answers.
        assert requests.get(f"{campus.settings.url}/hub/login", timeout=30).ok
        ben.stop(COURSE)
        until_back.close()
        waiting.result(120)
    wait_for(lambda: not (ada.model(COURSE) or {}).get("pending"), "Ada's first try is over", 120)
    if ada.model(COURSE) is None:
        ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    invariants.hold(campus)
