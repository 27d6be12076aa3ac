"""Twins for tests, and Unix users who send jobs to them."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campus_under_test import private_folder
from hpcampus_hub import unix_accounts
from hpcampus_hub.settings import SITES
from hpcampus_hub.twin import Twin
from hpcampus_spawner.site import Site


def site(site_id: str) -> Site:
    """A site of the catalogue."""
    return Site.load(SITES / f"{site_id}.yaml")


@contextmanager
def running_twin(of: Site) -> Iterator[Twin]:
    """The site's twin while the block runs, in a folder that is removed afterwards."""
    folder = private_folder()
    try:
        with Twin(of, folder / "twin") as twin:
            yield twin
    finally:
        shutil.rmtree(folder)


@contextmanager
def people(*names: str) -> Iterator[Path]:
    """Unix accounts while the block runs, and the folder that their homes are in."""
    homes = private_folder()
    try:
        created = unix_accounts.ensure(names, homes)
        try:
            yield homes
        finally:
            unix_accounts.remove(created)
    finally:
        shutil.rmtree(homes)


def as_user(name: str, *argv: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a Unix user, from their home and with nothing of ours in the environment."""
    account = pwd.getpwnam(name)
    return subprocess.run(
        argv,
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        cwd=account.pw_dir,
        env={"PATH": os.defpath, "HOME": account.pw_dir, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
