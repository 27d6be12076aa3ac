"""A hub whose secrets others could read doesn't start, and says which file it is and what to do."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hpcampus_hub import private_files
from hpcampus_hub.up import up
from hpcampus_spawner.models import BadFile

NAMES = [
    "cookie.secret",
    "internal-ssl/hub-ca/hub-ca.key",
    "reconciler.secret",
    "hub.sqlite",
    "spawns.sqlite-wal",
    "exchange.sqlite-shm",
    "passwords.json",
    "queue.json",
    "settings.json",
]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder as it should be."""
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o711)
    for name in NAMES:
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).touch(0o600)
    for name in ("store", "ssh"):
        (state / name).mkdir(0o700)
    for name in ("homes", "twin-leonardo"):
        (state / name).mkdir(0o711)
    (state / "lock").touch(0o644)
    return state


def test_a_folder_as_the_hub_makes_it_is_fine(state: Path) -> None:
    private_files.check(state)
    private_files.check(state / "not-there-yet")


@pytest.mark.parametrize("name", [*NAMES, "store", "ssh"])
@pytest.mark.parametrize("mode", [0o040, 0o004, 0o020, 0o002])
def test_one_thing_that_others_can_get_at_is_enough(state: Path, name: str, mode: int) -> None:
    path = state / name
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(BadFile, match=f"{name} holds .* chmod [67]00 "):
        private_files.check(state)


@pytest.mark.parametrize("mode", [0o755, 0o733, 0o777, 0o750])
def test_nobody_else_lists_or_fills_the_folder(state: Path, mode: int) -> None:
    state.chmod(mode)
    with pytest.raises(BadFile, match="chmod 711"):
        private_files.check(state)


def test_a_link_is_no_place_for_a_secret(state: Path, tmp_path: Path) -> None:
    (state / "cookie.secret").rename(tmp_path / "elsewhere")
    (state / "cookie.secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadFile, match="is a link"):
        private_files.check(state)


@pytest.mark.root
def test_a_secret_of_another_account_is_no_secret(state: Path) -> None:
    os.chown(state / "hub.sqlite", 65534, 65534)
    with pytest.raises(BadFile, match="belongs to another account"):
        private_files.check(state)


def test_campus_up_says_it_before_anything_is_started(state: Path) -> None:
    (state / "hub.sqlite").chmod(0o644)
    done = CliRunner().invoke(up, ["--state", str(state)])
    assert done.exit_code == 1
    assert "hub.sqlite holds tokens" in done.output
    assert "Traceback" not in done.output
