"""Fixtures for tests of the spawner, wherever they are."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_pbs import FakePbs
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.ssh import Connection, SshSite
from hpcampus_spawner.ways import SharedAccount
from small_hub import SmallHub
from spawning import SECRET, FakeSlurm


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """Where the learners' homes are."""
    return tmp_path / "homes"


@pytest.fixture
def launcher(homes: Path) -> Launcher:
    """A launcher of the kind that a laptop has: everybody shares this account."""
    return Launcher(SharedAccount(homes))


@pytest.fixture
def slurm_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Stand-ins for Slurm's commands, found first on PATH."""
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePbs:
    """Stand-ins for PBS's commands, found first on PATH."""
    fake = FakePbs(tmp_path / "pbs")
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    return fake


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallHub]:
    """The part of a hub that starts servers and takes reports."""
    async with SmallHub(tmp_path, monkeypatch).running() as hub:
        yield hub


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    """Files as the operators make them."""
    for name, mode in (("key", 0o400), ("known_hosts", 0o644)):
        (tmp_path / name).write_text(SECRET)
        (tmp_path / name).chmod(mode)
    return {name: str(tmp_path / name) for name in ("key", "known_hosts")}


def a_login_node(keys: dict[str, str], **changes: object) -> SshSite:
    """A login node as campus.yaml has it."""
    facts = {"host": "login1.example", "user": "campus", "hub_url": "https://campus.example", **keys}
    return SshSite.model_validate({**facts, **changes})


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """A stand-in for ssh, found first on PATH."""
    fake = FakeSlurm(tmp_path / "bin", commands=("ssh",))
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    return fake


@pytest.fixture
def connection(keys: dict[str, str], tmp_path: Path) -> Connection:
    """The hub's side of one."""
    return Connection(a_login_node(keys), tmp_path / "state", "127.0.0.1:8000")
