"""Fixtures for tests of the spawner, wherever they are."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_pbs import FakePbs
from hpcampus_spawner.launching import Launcher
from small_hub import SmallHub
from spawning import FakeSlurm


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """Where the learners' homes are."""
    return tmp_path / "homes"


@pytest.fixture
def launcher(homes: Path) -> Launcher:
    """A launcher of the kind that a laptop has: everybody shares this account."""
    return Launcher(homes=homes)


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
