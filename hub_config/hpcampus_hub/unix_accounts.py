"""The demo's people as Unix accounts, where the hub runs as root; they exist only while the campus is up."""

import os
import pwd
import re
import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from hpcampus_hub.twin import processes
from hpcampus_hub.twin.requirements import find

# The mark by which we know our accounts again.
COMMENT = "HPCampus demo"
FIRST_HUMAN_UID = 1000
LEAVE_SECONDS = 10
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class AccountsRefused(RuntimeError):
    """Somebody can't get, or keep, an account; the message says why and what to do."""


def ensure(names: Iterable[str], home_root: Path) -> list[str]:
    """Give everybody an account without a password and a home of their own below `home_root`.

    Returns the names to hand to `remove`. An account that an earlier, crashed campus made for the same home
    is taken over; any other of that name is refused, and then nothing is left behind.
    """
    ready: list[str] = []
    try:
        # Who has a home goes first: its owner's number must not be given to somebody new.
        for name in sorted(names, key=lambda name: not (home_root / name).exists()):
            home = home_root / name
            if not _exists(name, home):
                _create(name, home)
            ready.append(name)
            _close(home)
    except BaseException:
        remove(ready)
        raise
    return ready


def remove(names: Iterable[str]) -> None:
    """Take the accounts away, and end what still runs as them; their homes stay."""
    for name in names:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        if account.pw_gecos != COMMENT:
            raise AccountsRefused(f"The account {name} isn't one that HPCampus made: it stays.")
        # A number that is free is given out again: nothing may keep running with its rights.
        if left := processes.end(partial(processes.of_user, account.pw_uid), LEAVE_SECONDS):
            raise AccountsRefused(f"Process {left[0].pid} of {name} can't be ended, so the account stays.")
        _run("userdel", name)


def _exists(name: str, home: Path) -> bool:
    """Whether the account is there and ours; raises where it is somebody else's."""
    if _NAME.fullmatch(name) is None:
        raise AccountsRefused(f"{name!r} can't be the name of a Unix account here: use a-z, 0-9 and dashes.")
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return False
    if account.pw_gecos != COMMENT or account.pw_uid < FIRST_HUMAN_UID:
        raise AccountsRefused(
            f"This machine already has an account {name} that HPCampus didn't make. "
            "Rename that person of the demo in campus.yaml, or use another machine."
        )
    if Path(account.pw_dir) == home:
        return True
    if Path(account.pw_dir).exists():
        raise AccountsRefused(
            f"The account {name} belongs to another campus, at {account.pw_dir}. Stop that one first; "
            f"if it isn't running any more: userdel {name}"
        )
    remove([name])
    return False


def _create(name: str, home: Path) -> None:
    """Make the account; a home that is there already keeps its owner's number."""
    argv = ["--comment", COMMENT, "--home-dir", str(home), "--create-home", "--shell", "/bin/bash"]
    argv += ["--user-group", "--no-log-init"]
    if home.exists():
        owner = home.lstat().st_uid
        if owner < FIRST_HUMAN_UID or owner in {account.pw_uid for account in pwd.getpwall()}:
            raise AccountsRefused(
                f"{home} is in the way: it belongs to the user number {owner}. Move it away, or chown it."
            )
        argv += ["--uid", str(owner)]
    _run("useradd", *argv, name)


def _close(home: Path) -> None:
    """Let nobody but the owner into the home."""
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)


def _run(program: str, *argv: str) -> None:
    path = find(program)
    if path is None:
        raise AccountsRefused(f"{program} isn't installed: apt-get install passwd")
    done = subprocess.run(
        [path, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, umask=0o022
    )
    if done.returncode:
        raise AccountsRefused(f"{program} failed for {argv[-1]}: {done.stderr.strip()}")
