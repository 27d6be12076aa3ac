"""A cluster in a network of its own, of which the hub can reach nothing but a login node's sshd."""

import ctypes
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from campus_under_test import CampusUnderTest, private_folder, wait_for
from hpcampus_hub.twin import Twin, processes
from hpcampus_hub.twin.requirements import find
from hpcampus_spawner.accounts import LAUNCHER
from production import HUB, LEARNERS, account, learners_of, rule_of_sudo, settings_for, slurm_environment
from twins import site

DOOR = "hpcampus-t-door"
NETWORK, CABLE = "hpcampus-test", "hpcampus-t"
OUTSIDE, INSIDE, PORT = "10.213.7.1", "10.213.7.2", 2222
BACK = "127.0.0.1:8123"
SSHD_CONFIG = Path(__file__).with_name("sshd_config")
_CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")


class Inside:
    """Calls functions in the cluster's network: a thread may be in another one than its process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, initializer=_enter)

    def call(self, function: Callable[..., Result], *words: Any, **named: Any) -> Result:
        """Call it there; what it starts stays there."""
        return self._pool.submit(function, *words, **named).result()

    def close(self) -> None:
        """Nothing more is called."""
        self._pool.shutdown()


def _enter() -> None:
    with Path(f"/run/netns/{NETWORK}").open() as network:
        if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def network() -> Iterator[Inside]:
    """A network of its own, with one cable to ours."""
    subprocess.run(["ip", "netns", "delete", NETWORK], check=False, capture_output=True)
    _ip(f"netns add {NETWORK}")
    try:
        _ip(f"link add {CABLE}-0 type veth peer name {CABLE}-1 netns {NETWORK}")
        _ip(f"address add {OUTSIDE}/30 dev {CABLE}-0")
        _ip(f"link set {CABLE}-0 up")
        for words in (
            f"address add {INSIDE}/30 dev {CABLE}-1",
            f"link set {CABLE}-1 up",
            "link set lo up",
        ):
            _ip(f"-n {NETWORK} {words}")
        inside = Inside()
        try:
            yield inside
        finally:
            inside.close()
    finally:
        _ip(f"netns delete {NETWORK}")


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


@dataclass
class LoginNode:
    """The sshd, and the hub's side of it."""

    inside: Inside
    twin: Twin
    folder: Path
    tls: bool
    sshd: "subprocess.Popen[bytes] | None" = None

    def write(self) -> None:
        """The keys of the host and of the hub, and the one thing that the hub's may do."""
        Path("/run/sshd").mkdir(exist_ok=True)
        for name in ("host", "hub", "other"):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.folder / name]
            subprocess.run(keygen, check=True)
        shutil.chown(self.folder / "hub", HUB)
        settings = SSHD_CONFIG.read_text().format(folder=self.folder, address=INSIDE, port=PORT)
        (self.folder / "sshd_config").write_text(settings)
        self.know("host")
        environment = [f"{name}={value}" for name, value in self.twin.environment.items()]
        door = ["/usr/bin/env", *environment, *LAUNCHER[:3], "hpcampus_spawner.door", LEARNERS]
        options = f'restrict,port-forwarding,permitlisten="{BACK}",command="{" ".join(door)}"'
        keys = self.folder / "authorized_keys"
        keys.write_text(f"{options} {(self.folder / 'hub.pub').read_text()}")
        keys.chmod(0o644)

    def know(self, key: str) -> None:
        """Have the hub believe that key to be the host's."""
        public = (self.folder / f"{key}.pub").read_text()
        known = self.folder / "known_hosts"
        known.write_text(f"[{INSIDE}]:{PORT} {public}")
        known.chmod(0o644)

    def reach(self) -> dict[str, Any]:
        """What the operators write into campus.yaml."""
        return {
            "ssh": {
                "host": INSIDE,
                "port": PORT,
                "user": DOOR,
                "key": str(self.folder / "hub"),
                "known_hosts": str(self.folder / "known_hosts"),
                "hub_url": f"{'https' if self.tls else 'http'}://{BACK}",
                "listen": BACK,
            }
        }

    def start(self) -> None:
        """Let the hub in."""
        self.sshd = self.inside.call(self._listen)
        wait_for(self._listens, f"sshd listens; its log:\n{self.log()}")

    def _listen(self) -> "subprocess.Popen[bytes]":
        argv = ["-D", "-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "sshd.log")]
        return subprocess.Popen([str(find("sshd")), *argv], stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """No new connection, and the end of those that there are."""
        if self.sshd is None:
            return
        left = processes.family(lambda pid: self.sshd is not None and pid == self.sshd.pid)
        processes.end(lambda: [one for one in processes.everything() if one in left], 10)
        self.sshd.wait(10)
        self.sshd = None

    def log(self) -> str:
        """What sshd wrote."""
        log = self.folder / "sshd.log"
        return log.read_text()[-2000:] if log.exists() else ""

    def _listens(self) -> bool:
        scan = ["ssh-keyscan", "-T", "2", "-p", str(PORT), INSIDE]
        return bool(subprocess.run(scan, check=False, capture_output=True).stdout)


@contextmanager
def campus_behind_login_node(
    *names: str, site_id: str = "leonardo", tls: bool = True
) -> Iterator[tuple[CampusUnderTest, LoginNode]]:
    """A hub without rights, and the twin of a site behind its login node; `names` are learners there."""
    with ExitStack() as stack:
        for of, shell in ((HUB, "/usr/sbin/nologin"), (DOOR, "/bin/sh")):
            stack.enter_context(account(of, shell=shell, home=Path("/")))
        inside = stack.enter_context(network())
        folder = private_folder()
        stack.callback(shutil.rmtree, folder)
        twin = Twin(site(site_id), folder / "twin")
        inside.call(twin.start)
        stack.callback(inside.call, twin.stop)
        node = LoginNode(inside, twin, folder, tls)
        node.write()
        settings = settings_for(site_id, node.reach(), {}, {} if tls else None)
        stack.enter_context(learners_of(settings, names, partial(inside.call, twin.add_people)))
        stack.enter_context(rule_of_sudo(DOOR, slurm_environment(twin)))
        node.start()
        stack.callback(node.stop)
        campus = CampusUnderTest(settings, account=HUB)
        stack.callback(campus.stop)
        campus.start()
        yield campus, node


def masters() -> list[int]:
    """The hub's connections."""
    found = []
    for process in processes.everything():
        command = Path(f"/proc/{process.pid}/cmdline")
        try:
            words = command.read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].startswith("ssh") and "-M" in words and command.stat().st_uid == pwd.getpwnam(HUB).pw_uid:
            found.append(process.pid)
    return found
