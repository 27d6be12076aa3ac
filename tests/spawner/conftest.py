"""Fixtures of the spawner's tests."""

import os
from pathlib import Path

import pytest
from hpcampus_spawner.launching import Launcher
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
