"""The shape in which a campus runs for real: a hub without rights, learners in a group, a rule of sudo."""

import grp
import pwd
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from campus_under_test import CampusUnderTest, free_port, private_folder
from hpcampus_hub.settings import CAMPUS, NOTEBOOKS, Settings
from hpcampus_hub.sudoers_command import rule
from hpcampus_hub.twin import Twin, processes
from hpcampus_spawner.allocation import Allocation
from twins import people, running_twin, site

HUB, LEARNERS = "hpcampus-t-hub", "hpcampus-t-class"
Enrol = Callable[[Sequence[str], Allocation], None]
RULES = Path("/etc/sudoers.d/hpcampus-test")


@contextmanager
def account(
    name: str, *, shell: str = "/usr/sbin/nologin", home: Path = Path("/nonexistent")
) -> Iterator[str]:
    """An account of a service while the block runs, in no group but its own."""
    _forget_account(name)
    argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(home)]
    # No password fits `*`, and unlike a locked account this one can come through SSH.
    subprocess.run([*argv, "--shell", shell, "--password", "*", name], check=True)
    try:
        yield name
    finally:
        _forget_account(name)


@contextmanager
def group(name: str, *members: str) -> Iterator[str]:
    """A Unix group while the block runs."""
    _forget_group(name)
    subprocess.run(["groupadd", "--system", name], check=True)
    try:
        for member in members:
            subprocess.run(["usermod", "--append", "--groups", name, member], check=True)
        yield name
    finally:
        _forget_group(name)


@contextmanager
def rule_of_sudo(of: str, environment: Path) -> Iterator[Path]:
    """The rule that an operator installs, for that account, while the block runs."""
    RULES.write_text(rule(of, LEARNERS, environment=str(environment)))
    RULES.chmod(0o440)
    try:
        subprocess.run(["visudo", "--check", "--quiet"], check=True)
        yield RULES
    finally:
        RULES.unlink()


def slurm_environment(twin: Twin) -> Path:
    """The file of root's in which sudo finds what the twin's commands need."""
    file = twin.folder.parent / "environment"
    file.write_text("".join(f"{name}={value}\n" for name, value in twin.environment.items()))
    file.chmod(0o644)
    return file


@contextmanager
def learners_of(settings: Settings, names: Sequence[str], enrol: Enrol) -> Iterator[None]:
    """Those people of the demo as Unix accounts in the group of learners; all others have none."""
    with people(*names), group(LEARNERS, *names):
        for name in names:
            entry = pwd.getpwnam(name)
            copy = ["cp", "--recursive", str(NOTEBOOKS), entry.pw_dir]
            subprocess.run(copy, check=True, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])
        for allocation in settings.deployment.demo_allocations(settings.site_ids[0]):
            enrol(names, allocation)
        yield


def settings_for(
    site_id: str,
    reach: Mapping[str, Any],
    environment: Mapping[str, str],
    tls: Mapping[str, Any] | None = None,
) -> Settings:
    """A hub of its own at that site, which it reaches so."""
    state = private_folder()
    campus = state / "campus.yaml"
    ours = {"reach": {site_id: reach}, "tls": tls}
    campus.write_text(f"{CAMPUS.read_text()}\n{yaml.safe_dump(ours)}")
    environments = {site_id: environment}
    return Settings(
        state=state, port=free_port(), site_ids=(site_id,), campus=campus, environments=environments
    )


@contextmanager
def production_campus(
    *names: str, site_id: str = "leonardo", tls: Mapping[str, Any] | None = None
) -> Iterator[CampusUnderTest]:
    """A hub without rights beside the twin of a site; `names` are learners. Nothing of it is left."""
    with ExitStack() as stack:
        stack.enter_context(account(HUB))
        twin = stack.enter_context(running_twin(site(site_id)))
        settings = settings_for(site_id, {"sudo": {"group": LEARNERS}}, twin.environment, tls)
        stack.enter_context(learners_of(settings, names, twin.add_people))
        stack.enter_context(rule_of_sudo(HUB, slurm_environment(twin)))
        campus = CampusUnderTest(settings, account=HUB)
        stack.callback(campus.stop)
        campus.start()
        yield campus


def _forget_account(name: str) -> None:
    """Also what a test that was killed left behind."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    assert processes.end(partial(processes.of_user, uid), 10) == []
    subprocess.run(["userdel", name], check=True)


def _forget_group(name: str) -> None:
    try:
        grp.getgrnam(name)
    except KeyError:
        return
    subprocess.run(["groupdel", name], check=True)
