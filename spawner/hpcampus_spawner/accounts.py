"""Who may run notebooks on a machine. Standard library only: a login node asks too."""

import grp
import os
import pwd
import re
import sys

from hpcampus_spawner.refusal import Refused

FIRST_HUMAN_UID = 1000
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

LAUNCHER = (sys.executable, "-I", "-m", "hpcampus_spawner.launcher")
"""The one program that runs as a learner: no word of it ever changes, so that a rule can name all of it."""


def check_name(name: str) -> None:
    """Refuse what can't be the name of a Unix account."""
    if not _NAME.fullmatch(name):
        raise Refused("account-name", "Your user name can't be a Unix account. Ask the operators.")


def learner(name: str, group: str | None = None) -> pwd.struct_passwd:
    """The Unix account of that name; raises `Refused` for one that may not run notebooks.

    Where there is a group of learners, its members alone may.
    """
    check_name(name)
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise Refused("no-account", f"There is no Unix account {name} on this cluster yet.") from None
    if account.pw_uid < FIRST_HUMAN_UID or account.pw_uid == os.getuid():
        raise Refused("system-account", "System accounts can't run notebooks.")
    if group is not None and not _is_in(account, group):
        raise Refused(
            "not-a-learner", f"The account {name} may not run notebooks on this cluster. Ask the operators."
        )
    return account


def sudo(name: str) -> list[str]:
    """The launcher as that learner, under the one rule that the operators gave us; the order is on stdin."""
    return ["sudo", "-n", "-H", "-u", name, "--", *LAUNCHER]


def _is_in(account: pwd.struct_passwd, group: str) -> bool:
    try:
        wanted = grp.getgrnam(group).gr_gid
    except KeyError:
        return False
    return wanted in os.getgrouplist(account.pw_name, account.pw_gid)
