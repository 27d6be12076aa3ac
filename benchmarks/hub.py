"""A hub under measurement, ours or one that people use instead, driven through JupyterHub's REST API."""

import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from cluster import ACCOUNT, PARTITION, SITE, USER, BenchCluster, say, wait_for
from hpcampus_hub.lessons import release_all
from hpcampus_hub.settings import HUB_CONFIG, Settings

HERE = Path(__file__).parent
RIVALS = HERE.parent / ".rivals"
PROXY = HUB_CONFIG / "proxy" / "node_modules" / ".bin"
PYTHONS = {
    "hpcampus": Path(sys.executable),
    "batchspawner": RIVALS / "batchspawner" / "bin" / "python",
    "moss": RIVALS / "jupyterhub-moss" / "bin" / "python",
}
COURSE = "gpu-numba"
# What a learner asks for, in the terms of each.
OPTIONS: dict[str, dict[str, Any]] = {
    "hpcampus": {"course": COURSE},
    "batchspawner": {},
    "moss": {
        "partition": PARTITION,
        "runtime": "1:00:00",
        "nprocs": 2,
        "memory": "",
        "reservation": "",
        "ngpus": 1,
        "gres": "gpu:1",
        "options": f"--account={ACCOUNT}",
        "output": "/dev/null",
        "environment_id": "default",
        "environment_path": str(PYTHONS["moss"].parent),
        "environment_modules": "",
        "default_url": "/lab",
        "root_dir": "",
        "prologue": "",
    },
}


class Hub:
    """One running hub and its proxy."""

    def __init__(
        self, kind: str, cluster: BenchCluster, learners: Sequence[str], *, as_root: bool, haste: int
    ) -> None:
        self.kind, self.learners = kind, list(learners)
        self.state = cluster.folder / f"{kind}-{secrets.token_hex(3)}"
        self.state.mkdir(mode=0o711)
        self.state.chmod(0o711)
        ports = [_free_port() for _ in range(3)]
        self.url = f"http://127.0.0.1:{ports[0]}"
        self._token = secrets.token_hex(16)
        self._tokens: dict[str, str] = {}
        self._cluster, self._as_root = cluster, as_root
        self._plan = {
            "kind": kind,
            "token": self._token,
            "learners": self.learners,
            "one_account": not as_root,
            "partition": PARTITION,
            "account": ACCOUNT,
            "haste": haste,
            "state": str(self.state),
            **dict(zip(("port", "hub_port", "proxy_port"), ports, strict=True)),
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def server(self) -> str:
        """The name of each learner's server."""
        return COURSE if self.kind == "hpcampus" else ""

    def start(self) -> None:
        """Start it and wait until it answers."""
        ours = self.kind == "hpcampus"
        environment = self._environment()
        python, program = str(PYTHONS[self.kind]), "hpcampus_hub.app" if ours else "jupyterhub"
        become: dict[str, Any] = {}
        if not self._as_root:
            account = pwd.getpwnam(USER)
            become = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            subprocess.run(["chown", "-R", f"{USER}:", str(self.state)], check=True)
        with (self.state / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(
                [python, "-m", program, "-f", str(HERE / "hubs" / ("ours.py" if ours else "theirs.py"))],
                cwd=self.state,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **become,
            )
        wait_for(self._answers, f"the hub answers; see {self.state}/hub.log", 120)

    def _environment(self) -> dict[str, str]:
        path = f"{PYTHONS[self.kind].parent}:{PROXY}:{os.environ['PATH']}"
        home = "/root" if self._as_root else pwd.getpwnam(USER).pw_dir
        common = {"PATH": path, "LANG": "C.UTF-8", "HOME": home, **self._cluster.environment}
        common["BENCHMARK"] = json.dumps(self._plan)
        if self.kind != "hpcampus":
            return common
        port = int(self.url.rpartition(":")[2])
        settings = Settings(
            state=self.state, site_ids=(SITE,), port=port, environments={SITE: self._cluster.environment}
        )
        # As the hub itself: it doesn't start with a database that others can read.
        before = os.umask(0o077)
        release_all(settings)
        os.umask(before)
        return {**common, **settings.to_environment()}

    def stop(self) -> None:
        """End the hub and its proxy, whatever they are doing."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._end_proxy()

    def _end_proxy(self) -> None:
        """JupyterHub starts its proxy in a session of its own."""
        with suppress(OSError, ValueError):
            record = (self.state / "proxy.pid").read_text()
            os.kill(int(record), signal.SIGKILL)

    def give_tokens(self) -> None:
        """From now on everybody uses a token of the hub's making, which costs it as little as a cookie.

        The administrator's own token was chosen outside, so that JupyterHub hashes it 16,384 times a request.
        """
        for name in self.learners:
            self._tokens[name] = self.api("POST", f"users/{name}/tokens", json={}).json()["token"]

    def api(self, method: str, path: str, learner: str = "", **how: Any) -> requests.Response:
        """A call of the hub's API as that learner, or else as its administrator."""
        headers = {"Authorization": f"token {self._tokens.get(learner, self._token)}"}
        how.setdefault("timeout", 300)
        return requests.request(method, f"{self.url}/hub/api/{path}", headers=headers, **how)

    def add_learners(self) -> None:
        """Let the hub know everybody."""
        answer = self.api("POST", "users", json={"usernames": self.learners})
        # 409: all are there already, because a group named them.
        assert answer.ok or answer.status_code == 409, answer.text

    def press_start(self, learner: str) -> requests.Response:
        """Start that learner's server."""
        where = f"servers/{self.server}" if self.server else "server"
        return self.api("POST", f"users/{learner}/{where}", learner, json=OPTIONS[self.kind])

    def servers(self, learner: str) -> dict[str, Any]:
        """That learner's servers, by name."""
        servers: dict[str, Any] = self.api("GET", f"users/{learner}").json()["servers"]
        return servers

    def ready(self, learner: str) -> bool:
        """Whether the server is up; fails when it can't come up any more."""
        server = self.servers(learner).get(self.server)
        assert server is not None, f"the server of {learner} failed; see {self.state}/hub.log"
        return bool(server["ready"])

    def lag(self, seconds: float) -> list[float]:
        """How many milliseconds late the hub's event loop was, each time in the next seconds."""
        self.api("GET", "benchmark/lag")
        time.sleep(seconds)
        late: list[float] = self.api("GET", "benchmark/lag").json()["late_ms"]
        return late

    def memory_mib(self) -> float:
        """The hub's own resident memory."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def cpu_seconds(self) -> float:
        """What the hub's process has used of a processor so far."""
        assert self.process is not None
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.state / "hub.log").read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/hub/health", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def running_hub(
    kind: str, cluster: BenchCluster, learners: Sequence[str], *, as_root: bool = False, haste: int = 1
) -> Iterator[Hub]:
    """The hub while the block runs, with everybody in it; afterwards its jobs are ended too.

    `haste`: how many times as often as otherwise ours asks the scheduler.
    """
    hub = Hub(kind, cluster, learners, as_root=as_root, haste=haste)
    try:
        hub.start()
        hub.add_learners()
        yield hub
    except BaseException:
        say("\n".join((hub.state / "hub.log").read_text(errors="replace").splitlines()[-30:]))
        raise
    finally:
        hub.stop()
        cluster.cancel_all()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
