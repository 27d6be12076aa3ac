import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import private_folder
from hpcampus_hub.twin import TwinUnavailable, folder


@pytest.fixture
def place() -> Iterator[Path]:
    place = private_folder()
    try:
        yield place
    finally:
        shutil.rmtree(place)


def test_a_folder_is_held_by_one_twin_at_a_time(place: Path) -> None:
    held = folder.claim(place / "twin")
    with pytest.raises(TwinUnavailable, match="Another twin is running"):
        folder.claim(place / "twin")
    os.close(held)
    os.close(folder.claim(place / "twin"))


def test_other_users_can_pass_through_whatever_the_umask(place: Path) -> None:
    before = os.umask(0o077)
    try:
        os.close(folder.claim(place / "twin"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / "twin").stat().st_mode) == 0o755


def test_a_folder_that_others_can_change_is_refused(place: Path) -> None:
    (place / "twin").mkdir()
    (place / "twin").chmod(0o777)
    with pytest.raises(TwinUnavailable, match="changed by others"):
        folder.claim(place / "twin")


def test_a_folder_that_jobs_cannot_reach_is_refused(place: Path) -> None:
    (place / "closed").mkdir()
    (place / "closed").chmod(0o700)
    with pytest.raises(TwinUnavailable, match=f"can't pass through {place}/closed"):
        folder.claim(place / "closed" / "twin")


@pytest.mark.parametrize("name", ["a b", "a#b", "a\nb", 'a"b', "x" * 80])
def test_a_path_that_slurm_would_misread_is_refused(place: Path, name: str) -> None:
    with pytest.raises(TwinUnavailable, match="absolute path"):
        folder.claim(place / name)


def test_only_what_a_twin_left_is_removed(place: Path) -> None:
    folder.empty(place)
    folder.subfolder(place / "state")
    (place / "state" / "job").touch()
    (place / "link").symlink_to("/etc")
    folder.empty(place)
    assert [path.name for path in place.iterdir()] == [folder.README]
    assert Path("/etc/passwd").exists()


def test_a_folder_with_other_things_in_it_is_refused_and_kept(place: Path) -> None:
    (place / "thesis").touch()
    with pytest.raises(TwinUnavailable, match="other things"):
        folder.empty(place)
    assert (place / "thesis").exists()


def test_a_secret_is_never_readable_by_others(place: Path) -> None:
    before = os.umask(0)
    try:
        folder.write(place / "key", b"secret", 0o400)
    finally:
        os.umask(before)
    assert stat.S_IMODE((place / "key").stat().st_mode) == 0o400


@pytest.mark.root
def test_fake_gpus_are_devices_that_anybody_can_open(place: Path) -> None:
    folder.fake_devices(place, 2)
    for name in ("gpu0", "gpu1"):
        assert stat.S_ISCHR((place / name).stat().st_mode)
        assert (place / name).read_bytes() == b""


def test_fake_gpus_are_files_where_devices_are_forbidden(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "mknod", forbidden)
    folder.fake_devices(place, 1)
    assert (place / "gpu0").is_file()
