"""What the machine can run: tests that need more carry a marker and skip with the reason.

`CAMPUS_REQUIRE=slurm,browser` turns the skips of those markers into failures, so that CI can't pass by
running nothing.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from clocks import missing as _clock
from with_torch import missing as _torch

# No test depends on a timing, and Hypothesis would measure each example and how long it takes to invent one.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

CHROMIUM = "/usr/bin/chromium"
# Kernels run on the simulator, also where there is a GPU: set before anything imports them.
GPU = os.environ.setdefault("HPCAMPUS_CUDA", "simulator") != "simulator"


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _slurm() -> str | None:
    wanted = ["slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd"]
    missing = [program for program in wanted if _find(program) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install slurm-wlm munge slurmdbd mariadb-server"
    return _root()


def _root() -> str | None:
    return None if os.geteuid() == 0 else "needs root"


def _modules() -> str | None:
    found = Path("/usr/share/modules/init/bash").exists()
    return None if found else "environment modules not found: apt-get install environment-modules"


def _browser() -> str | None:
    return None if Path(CHROMIUM).exists() else "Chromium not found: apt-get install chromium"


def _postgres() -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return None if found else "PostgreSQL not found: apt-get install postgresql"


def _sandbox() -> str | None:
    if shutil.which("bwrap") is None:
        return "bubblewrap not found: apt-get install bubblewrap"
    probe = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"bubblewrap can't make a sandbox here: {done.stderr.strip()}"


def _sudo() -> str | None:
    missing = [program for program in ("sudo", "visudo") if _find(program) is None]
    return "sudo not found: apt-get install sudo" if missing else _root()


def _ssh() -> str | None:
    missing = [program for program in ("ssh", "sshd", "ip") if _find(program) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install openssh-client openssh-server iproute2"
    return _root()


def _image() -> str | None:
    programs = ("mksquashfs", "squashfuse", "fusermount3")
    if missing := [program for program in programs if shutil.which(program) is None]:
        return f"{', '.join(missing)} not found: apt-get install squashfs-tools squashfuse fuse3"
    fuse = Path("/dev/fuse")
    if not fuse.exists() or not fuse.stat().st_mode & stat.S_IWOTH:
        return "/dev/fuse isn't open to everybody: chmod 666 /dev/fuse, as udev does elsewhere"
    return _root()


def _gpu() -> str | None:
    return None if GPU else "runs on a GPU: make test-gpu"


PROBES: dict[str, Callable[[], str | None]] = {
    "slurm": _slurm,
    "root": _root,
    "modules": _modules,
    "sudo": _sudo,
    "ssh": _ssh,
    "browser": _browser,
    "postgres": _postgres,
    "sandbox": _sandbox,
    "clock": _clock,
    "image": _image,
    "gpu": _gpu,
    "torch": _torch,
}
_answers: dict[str, str | None] = {}


def _missing(marker: str) -> str | None:
    if marker not in _answers:
        _answers[marker] = PROBES[marker]()
    return _answers[marker]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    required = {name for name in os.environ.get("CAMPUS_REQUIRE", "").split(",") if name}
    for marker in PROBES:
        if item.get_closest_marker(marker) and (reason := _missing(marker)):
            if marker in required:
                pytest.fail(f"CAMPUS_REQUIRE asks for {marker}: {reason}", pytrace=False)
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The hub and the launcher close what they write; what they do to this process ends with the test."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
