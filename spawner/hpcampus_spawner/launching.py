"""The hub's side of the launcher: how the hub becomes the learner, for one checked order at a time."""

import asyncio
import contextlib
import json
import os
import pwd
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcampus_spawner.refusal import Refused

FIRST_HUMAN_UID = 1000
ORDER_SECONDS = 90
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class LauncherError(Exception):
    """The launcher didn't answer; for the operator's log."""


@dataclass(frozen=True)
class Account:
    """The Unix side of a learner."""

    name: str
    uid: int
    gid: int
    home: Path


class Launcher:
    """Gives orders to `hpcampus_spawner.launcher`, run as the learner.

    `homes` is set where everybody shares the hub's own Unix account (a demo on a laptop): each learner then
    gets a folder below it as home, and no protection from the others. Otherwise the hub runs as root and
    becomes the learner's account.
    """

    def __init__(self, *, homes: Path | None, environment: Mapping[str, str] | None = None) -> None:
        self._homes = homes
        self._environment = dict(environment or {})

    def account(self, learner: str) -> Account:
        """The Unix account behind the hub's name; raises `Refused` for one that may not run notebooks."""
        if not _NAME.fullmatch(learner):
            raise Refused("account-name", "Your user name can't be a Unix account. Ask the operators.")
        if self._homes is not None:
            home = self._homes / learner
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Account(learner, os.getuid(), os.getgid(), home)
        try:
            entry = pwd.getpwnam(learner)
        except KeyError:
            raise Refused("no-account", f"There is no Unix account {learner} on this cluster yet.") from None
        if entry.pw_uid < FIRST_HUMAN_UID:
            raise Refused("system-account", "System accounts can't run notebooks.")
        return Account(learner, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))

    async def order(self, learner: str, verb: str, **fields: Any) -> dict[str, Any]:
        """Have one order carried out and return the answer; raises `LauncherError`."""
        try:
            account = self.account(learner)
        except Refused as refused:
            raise LauncherError(refused.sentence) from refused
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "hpcampus_spawner.launcher",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=self._scrubbed(account),
            start_new_session=True,
            **self._become(account),
        )
        text = json.dumps({"verb": verb, **fields}).encode()
        try:
            out, err = await asyncio.wait_for(process.communicate(text), ORDER_SECONDS)
        except TimeoutError:
            # Its whole group, which it leads: a command that hangs must not stay behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise LauncherError(f"the launcher didn't finish {verb} within {ORDER_SECONDS} s") from None
        return _answer(verb, out, err)

    def _scrubbed(self, account: Account) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(account.home),
            "USER": account.name,
            "LOGNAME": account.name,
            **self._environment,
        }

    def _become(self, account: Account) -> dict[str, Any]:
        if self._homes is not None:
            return {}
        groups = os.getgrouplist(account.name, account.gid)
        return {"user": account.uid, "group": account.gid, "extra_groups": groups}


def _answer(verb: str, out: bytes, err: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(out)
    except ValueError:
        raise LauncherError(f"no answer to {verb}: {err.decode('utf-8', 'replace')[-2000:]}") from None
    if not isinstance(answer, dict):
        raise LauncherError(f"no object in answer to {verb}")
    if "refused" in answer:
        raise LauncherError(f"the launcher refused {verb}: {answer['refused']}")
    return answer
