"""The homes of the demo's people: Unix accounts of their own where the hub is root, else folders."""

import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcampus_spawner.models import BadFile

from hpcampus_hub.settings import NOTEBOOKS, Settings


@contextmanager
def demo_homes(settings: Settings) -> Iterator[None]:
    """See to it that everybody has a home with the notebooks in it, and leave no account behind."""
    people = list(settings.deployment.demo)
    homes = settings.state / "homes"
    homes.mkdir(exist_ok=True)
    # Whatever the umask: people pass through to their own home, and see no others.
    homes.chmod(0o711)
    if settings.shares_one_account:
        for name in people:
            (homes / name).mkdir(mode=0o700, exist_ok=True)
            _copy_notebooks(homes / name)
        yield
        return
    from hpcampus_hub import unix_accounts  # noqa: PLC0415

    _others_must_be_able_to_read(Path(sys.executable).resolve(), NOTEBOOKS, settings.state)
    created = unix_accounts.ensure(people, homes)
    try:
        for name in people:
            account = pwd.getpwnam(name)
            _copy_notebooks(Path(account.pw_dir), user=account.pw_uid, group=account.pw_gid)
        yield
    finally:
        unix_accounts.remove(created)


def _copy_notebooks(home: Path, **become: int) -> None:
    """Copy what isn't there yet, as the owner of the home: what lies in a home may not steer root."""
    subprocess.run(
        ["cp", "--recursive", "--no-clobber", str(NOTEBOOKS), str(home)],
        check=True,
        stdin=subprocess.DEVNULL,
        **({**become, "extra_groups": []} if become else {}),  # type: ignore[call-overload]
    )


def _others_must_be_able_to_read(*paths: Path) -> None:
    for path in paths:
        for folder in [path, *path.parents]:
            if not folder.stat().st_mode & stat.S_IXOTH:
                raise BadFile(
                    f"{folder} is closed to other Unix accounts, and the learners' jobs need {path}. "
                    "Put HPCampus and its Python where everybody can read them, such as below /opt."
                )
