import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from campus_under_test import private_folder
from hpcampus_hub import unix_accounts
from hpcampus_hub.unix_accounts import AccountsRefused
from twins import as_user

pytestmark = pytest.mark.root

ADA, BEN = "test-ada", "test-ben"


@pytest.fixture
def homes() -> Iterator[Path]:
    folder = private_folder()
    try:
        yield folder
        unix_accounts.remove([ADA, BEN])
    finally:
        shutil.rmtree(folder)


def exists(name: str) -> bool:
    return any(account.pw_name == name for account in pwd.getpwall())


def test_everybody_gets_an_account_with_a_home_that_only_they_can_read(homes: Path) -> None:
    assert sorted(unix_accounts.ensure([ADA, BEN], homes)) == [ADA, BEN]
    ada = pwd.getpwnam(ADA)
    assert ada.pw_uid >= 1000
    assert ada.pw_uid != pwd.getpwnam(BEN).pw_uid
    assert (homes / ADA).stat().st_mode & 0o7777 == 0o700
    assert as_user(ADA, "touch", homes / ADA / "mine").returncode == 0
    assert as_user(BEN, "ls", homes / ADA).returncode != 0


def test_an_account_has_no_password(homes: Path) -> None:
    unix_accounts.ensure([ADA], homes)
    locked = [line for line in Path("/etc/shadow").read_text().splitlines() if line.startswith(f"{ADA}:!:")]
    assert len(locked) == 1


def test_removing_leaves_no_account_and_keeps_the_home(homes: Path) -> None:
    unix_accounts.remove(unix_accounts.ensure([ADA], homes))
    assert not exists(ADA)
    assert (homes / ADA).is_dir()
    assert ADA not in Path("/etc/group").read_text()
    unix_accounts.remove([ADA])


def test_removing_ends_what_still_runs_as_them(homes: Path) -> None:
    unix_accounts.ensure([ADA], homes)
    with subprocess.Popen(["sleep", "1000"], user=pwd.getpwnam(ADA).pw_uid) as sleeper:
        unix_accounts.remove([ADA])
        assert sleeper.wait() == -9
    assert not exists(ADA)


def test_a_home_keeps_its_owner_whoever_else_comes_first(homes: Path) -> None:
    unix_accounts.remove(unix_accounts.ensure([ADA], homes))
    before = (homes / ADA).stat().st_uid
    unix_accounts.ensure([BEN, ADA], homes)
    assert pwd.getpwnam(ADA).pw_uid == before
    assert pwd.getpwnam(BEN).pw_uid != before


def test_what_a_crashed_campus_left_is_taken_over(homes: Path) -> None:
    unix_accounts.ensure([ADA], homes)
    assert unix_accounts.ensure([ADA], homes) == [ADA]


def test_an_account_whose_campus_is_gone_is_made_anew(homes: Path) -> None:
    gone = private_folder()
    unix_accounts.ensure([ADA], gone)
    shutil.rmtree(gone)
    unix_accounts.ensure([ADA], homes)
    assert pwd.getpwnam(ADA).pw_dir == str(homes / ADA)


def test_the_account_of_another_campus_is_refused_and_stays(homes: Path) -> None:
    other = private_folder()
    try:
        unix_accounts.ensure([ADA], other)
        with pytest.raises(AccountsRefused, match=f"another campus, at {other}"):
            unix_accounts.ensure([BEN, ADA], homes)
        assert exists(ADA)
        assert not exists(BEN)
    finally:
        shutil.rmtree(other)


@pytest.mark.parametrize("name", ["root", "nobody"])
def test_an_account_that_is_not_ours_is_neither_used_nor_removed(homes: Path, name: str) -> None:
    with pytest.raises(AccountsRefused, match=f"already has an account {name}"):
        unix_accounts.ensure([name], homes)
    with pytest.raises(AccountsRefused, match="it stays"):
        unix_accounts.remove([name])
    assert exists(name)


@pytest.mark.parametrize("name", ["", "-r", "a b", "../x", "Ada", "a:b", "a\nb"])
def test_a_name_that_useradd_could_misread_is_refused(homes: Path, name: str) -> None:
    with pytest.raises(AccountsRefused, match="can't be the name"):
        unix_accounts.ensure([name], homes)


def test_a_home_of_somebody_else_is_refused(homes: Path) -> None:
    (homes / ADA).mkdir()
    with pytest.raises(AccountsRefused, match="is in the way"):
        unix_accounts.ensure([ADA], homes)
    assert not exists(ADA)
