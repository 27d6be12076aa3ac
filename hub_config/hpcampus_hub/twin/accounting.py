"""Accounts, QOS and the counting of GPUs: what slurmdbd, with a MariaDB of its own, does for the twin."""

import pwd
import shutil
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from hpcampus_spawner.allocation import Allocation

from hpcampus_hub.twin import folder as twin_folder
from hpcampus_hub.twin.commands import run
from hpcampus_hub.twin.configuration import NO_ACCOUNT
from hpcampus_hub.twin.daemons import Daemons
from hpcampus_hub.twin.miniature import Miniature

START_SECONDS = 30
# Slurm makes this QOS itself; it is what a job without --qos gets.
SLURMS_OWN_QOS = "normal"
# Everybody who sends jobs has some account, also where they needn't know it.
DEFAULT_ACCOUNT = "everybody"


def start_database(folder: Path, daemons: Daemons) -> None:
    """Start a MariaDB that listens on a socket only, which nobody but root and its own user reaches."""
    database = twin_folder.subfolder(folder / "database")
    user = pwd.getpwnam("mysql")
    shutil.chown(database, user.pw_uid, user.pw_gid)
    defaults = f"--defaults-file={folder / 'mariadb.cnf'}"
    run(["mariadb-install-db", defaults, "--skip-test-db"], {})
    daemons.start("mariadbd", ["mariadbd", defaults])
    endpoint = str(database / "mariadb.sock")
    daemons.wait("mariadbd", lambda: listens(socket.AF_UNIX, endpoint), START_SECONDS)


def start_slurmdbd(folder: Path, daemons: Daemons, port: int) -> None:
    """Start slurmdbd; it makes its tables itself."""
    environment = {
        "SLURMDBD_CONF": str(folder / "slurmdbd.conf"),
        "MYSQL_UNIX_PORT": str(folder / "database" / "mariadb.sock"),
    }
    daemons.start("slurmdbd", ["slurmdbd", "-D"], environment)
    daemons.wait("slurmdbd", lambda: listens(socket.AF_INET, ("127.0.0.1", port)), START_SECONDS)


def listens(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket(family) as caller:
        try:
            caller.connect(address)
        except OSError:
            return False
    return True


class Accounts:
    """Speaks with slurmdbd through sacctmgr."""

    def __init__(self, miniature: Miniature, environment: Mapping[str, str]) -> None:
        self._miniature = miniature
        self._environment = environment

    def create(self) -> None:
        """The cluster and its QOS; slurmctld reads them when it starts."""
        self._add("cluster", self._miniature.cluster)
        for qos in self._miniature.qos:
            self._add_qos(qos.name, qos.max_walltime_minutes, qos.flags)
        if self._miniature.account_required:
            self._add("account", NO_ACCOUNT)

    def knows_slurmctld(self) -> bool:
        """Whether slurmdbd tells slurmctld about changes from now on."""
        ports = self._sacctmgr("--parsable2", "--noheader", "show", "cluster", "format=controlport")
        return ports.strip() not in {"", "0"}

    def add(self, people: Iterable[str], allocation: Allocation) -> None:
        """Let the people charge jobs to an account, by all its names, with every QOS of the site."""
        names, small = ",".join(people), self._miniature
        qos = dict.fromkeys(qos.name for qos in small.qos)
        if not small.qos_required:
            qos[SLURMS_OWN_QOS] = None
        if allocation.qos is not None and allocation.qos not in qos:
            self._add_qos(allocation.qos, small.project_qos_minutes, "DenyOnLimit")
            qos[allocation.qos] = None
        every_qos = [f"qos={','.join(qos)}"] if qos else []
        if small.account_required:
            # The first account that somebody is added to becomes the default.
            self._add("user", names, f"account={NO_ACCOUNT}", *every_qos)
        for suffix in small.account_suffixes:
            account = f"{allocation.account or DEFAULT_ACCOUNT}{suffix}"
            self._add("account", account)
            self._add("user", names, f"account={account}", *every_qos)

    def _add_qos(self, name: str, minutes: int | None, flags: str) -> None:
        limit = [f"MaxWall={minutes}"] if minutes else []
        if name == SLURMS_OWN_QOS:
            self._sacctmgr("--immediate", "--quiet", "modify", "qos", name, "set", f"Flags={flags}", *limit)
        else:
            self._add("qos", name, f"Flags={flags}", *limit)

    def _add(self, kind: str, *words: str) -> None:
        self._sacctmgr("--immediate", "--quiet", "add", kind, *words)

    def _sacctmgr(self, *words: str) -> str:
        return run(["sacctmgr", *words], self._environment, harmless="Nothing new added")
