"""How the hub becomes a learner, for one order at a time."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from hpcampus_spawner import accounts
from hpcampus_spawner.calls import Answer, Call, make

ORDER_SECONDS = 90
LONGEST_ANSWER = 1024 * 1024
"""Bytes. It comes from a process of the learner's, who could tamper with it."""


class Way(Protocol):
    """One way to have the launcher run as a learner."""

    def check(self, learner: str) -> None:
        """Raise `Refused` for a name that may not run notebooks there, as far as that is known here."""

    async def hand_over(self, learner: str, order: bytes) -> Answer:
        """Give the order to the launcher and wait for its end; raises `Refused` or `NoAnswer`."""


class SharedAccount:
    """Everybody is the hub's own Unix account: a demo on a laptop.

    Each learner gets a folder below `homes` as home, and no protection from the others.
    """

    def __init__(self, homes: Path, environment: Mapping[str, str] | None = None) -> None:
        self._homes = homes
        self._environment = environment or {}

    def check(self, learner: str) -> None:
        """Any name will do that could be an account's."""
        accounts.check_name(learner)

    async def hand_over(self, learner: str, order: bytes) -> Answer:
        """As the hub itself, with another home."""
        self.check(learner)
        home = self._homes / learner
        # Nothing looks into it: here is the hub's event loop, and the home's file server may be gone.
        with contextlib.suppress(FileExistsError):
            home.mkdir(mode=0o700, parents=True)
        return await _make(Call(accounts.LAUNCHER, {**_scrubbed(learner, home), **self._environment}, order))


class Root:
    """The hub is root and changes into the learner's account itself."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment or {}

    def check(self, learner: str) -> None:
        """Look the account up."""
        accounts.learner(learner)

    async def hand_over(self, learner: str, order: bytes) -> Answer:
        """As the learner, with all of their groups."""
        account = accounts.learner(learner)
        groups = os.getgrouplist(account.pw_name, account.pw_gid)
        rights: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
        environment = {**_scrubbed(learner, Path(account.pw_dir)), **self._environment}
        return await _make(Call(accounts.LAUNCHER, environment, order, rights))


class Sudo:
    """The hub has an account without rights, and one rule of sudo: the launcher, as a member of a group.

    The environment is sudo's: what the scheduler's commands need stands in a file that the rule names.
    """

    def __init__(self, group: str) -> None:
        self._group = group

    def check(self, learner: str) -> None:
        """Look the account up, and whether it is in the group."""
        accounts.learner(learner, self._group)

    async def hand_over(self, learner: str, order: bytes) -> Answer:
        """Through sudo, which asks for no password and would fail rather than wait for one."""
        self.check(learner)
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        return await _make(Call(accounts.sudo(learner), environment, order))


async def _make(call: Call) -> Answer:
    return await make(call, ORDER_SECONDS, LONGEST_ANSWER)


def _scrubbed(name: str, home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "USER": name,
        "LOGNAME": name,
    }
