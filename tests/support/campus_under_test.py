"""A real campus for tests: hub, proxy and exchange on free ports, and people who use them over HTTP."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from hpcampus_hub.lasting_proxy import end_proxy
from hpcampus_hub.lessons import release_all
from hpcampus_hub.settings import CAMPUS, CONFIG_FILE, COURSES, HUB_CONFIG, NOTEBOOKS, SITES, Settings
from prometheus_client.parser import text_string_to_metric_families

Answer = TypeVar("Answer")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
PROXY_PROGRAMS = HUB_CONFIG / "proxy" / "node_modules" / ".bin"


def wait_for(question: Callable[[], Answer | None], what: str, seconds: float = 60) -> Answer:
    """Ask until the answer is true; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := question():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def private_folder() -> Path:
    """A new folder that other accounts can pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="hpcampus-test-", dir="/var/tmp"))
    folder.chmod(0o711)
    return folder


def programs(first: Path | None = None) -> dict[str, str]:
    """An environment in which the venv's programs, node and the proxy are found, and nothing else is set."""
    path = [str(Path(sys.executable).parent), str(PROXY_PROGRAMS), os.environ["PATH"]]
    path = [str(first), *path] if first else path
    return {"PATH": ":".join(path), "LANG": "C.UTF-8"}


_APP = [sys.executable, "-m", "hpcampus_hub.app", "-f", str(CONFIG_FILE)]


def _service(settings: Settings) -> list[str]:
    """`campus hub` with those settings."""
    sites = [word for site_id in settings.site_ids for word in ("--site", site_id)]
    options = ["--campus", settings.campus, "--state", settings.state, "--port", settings.port]
    return [str(Path(sys.executable).parent / "campus"), "hub", *sites, *map(str, options)]


class CampusUnderTest:
    """One hub that can be killed and started again. As root it runs as `nobody`, like a laptop would.

    With an `account` it is a service of that account, started as an operator would.
    """

    def __init__(
        self, settings: Settings, *, as_root: bool = False, account: str = "", arguments: Sequence[str] = ()
    ) -> None:
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._argv = _service(settings) if account else [*_APP, *arguments]
        self._become: dict[str, Any] = {}
        self.commands: Path | None = None
        """A folder of commands that the hub finds before the machine's own; for the next start."""
        self.clock: Mapping[str, str] = {}
        """The variables of a clock that is wrong; for the next start."""
        self._environment = settings.to_environment()
        if account:
            # What a service's unit would say; the rest is on the command line.
            self._environment = dict(settings.environments.get(settings.site_ids[0], {}))
        else:
            # As `campus up` does: the hub doesn't start with a database that others can read.
            before = os.umask(0o077)
            release_all(settings)
            os.umask(before)
        if not as_root and not account:
            for name in settings.deployment.demo:
                shutil.copytree(NOTEBOOKS, self.home(name) / "notebooks")
        if os.geteuid() == 0 and not as_root:
            user, group = (account, account) if account else ("nobody", "nogroup")
            self._become = {"user": user, "group": group, "extra_groups": []}
            subprocess.run(["chown", "-R", f"{user}:{group}", str(settings.state)], check=True)

    @property
    def log(self) -> str:
        """What the hub has written so far."""
        return (self.settings.state / "hub.log").read_text(errors="replace")

    def home(self, name: str) -> Path:
        """Somebody's home directory."""
        return self.settings.state / "homes" / name

    def start(self) -> None:
        """Start the hub and wait until it answers."""
        with (self.settings.state / "hub.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._argv,
                cwd=self.settings.state,
                env={
                    **programs(self.commands),
                    **self._environment,
                    **self.clock,
                    "HOME": str(self.settings.state),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._become,
            )
        wait_for(self._answers, f"the hub answers; its log:\n{self.log[-3000:]}", 90)

    def kill(self) -> None:
        """SIGKILL: the hub gets no chance to tidy up."""
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the hub process with that signal."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)

    def stop(self) -> None:
        """End everything: servers first, as a person would, then the hub, and last the proxy it leaves."""
        self.stop_servers()
        self.end()
        end_proxy(self.settings.proxy_pid_file)
        shutil.rmtree(self.settings.state)

    def stop_servers(self) -> None:
        """Everybody stops everything; a hub that a test has killed is started for that."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        for name in self.settings.deployment.demo:
            self.person(name).stop_all()

    def person(self, name: str) -> "Somebody":
        """Log somebody in."""
        passwords = json.loads((self.settings.state / "passwords.json").read_text())
        return Somebody(self.settings.url, name, passwords[name], self.verify)

    @property
    def verify(self) -> str | bool:
        """Whom a client of this campus believes, as `requests` wants it."""
        believed = self.settings.believed
        return str(believed) if believed else True

    def metrics(self) -> Samples:
        """What Prometheus reads, with the token that an operator copies for it: by name and labels."""
        token = (self.settings.state / "monitoring.secret").read_text()
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(f"{self.settings.url}/hub/metrics", headers=headers, timeout=30)
        assert answer.ok, answer.text
        samples = (s for family in text_string_to_metric_families(answer.text) for s in family.samples)
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the hub ended:\n{self.log[-3000:]}"
        try:
            return requests.get(f"{self.settings.url}/hub/health", timeout=5, verify=self.verify).ok
        except (requests.RequestException, OSError):
            return False


@contextmanager
def local_campus(
    cpus: int = 8,
    database: str = "",
    courses: Path = COURSES,
    arguments: Sequence[str] = (),
    people: Path = CAMPUS,
    state: Path | None = None,
) -> Iterator[CampusUnderTest]:
    """A running campus on this machine whose queue hands out so many CPUs; nothing of it stays."""
    state = state or private_folder()
    site = (SITES / "local.yaml").read_text().replace("cpus: 8", f"cpus: {cpus}")
    (state / "local.yaml").write_text(site)
    settings = Settings(
        state=state, port=free_port(), sites=state, database=database, courses=courses, campus=people
    )
    campus = CampusUnderTest(settings, arguments=arguments)
    campus.start()
    try:
        yield campus
    finally:
        campus.stop()


class Somebody:
    """A person with a browser's cookies, but no browser."""

    def __init__(self, url: str, name: str, password: str, verify: str | bool = True) -> None:
        self.url, self.name = url, name
        self.http = requests.Session()
        # Nothing of the machine's counts, neither proxies nor whom else to believe.
        self.http.trust_env, self.http.verify = False, verify
        self.http.get(f"{url}/hub/login", timeout=30)
        form = {"username": name, "password": password, "_xsrf": self.http.cookies.get("_xsrf", path="/hub/")}
        answer = self.http.post(f"{url}/hub/login", data=form, timeout=30)
        assert answer.url.endswith("/hub/home"), f"{name} could not log in: {answer.status_code} {answer.url}"

    def api(self, method: str, path: str, **how: Any) -> requests.Response:
        """A call of the hub's REST API, as the hub's own pages make it."""
        headers = {"X-XSRFToken": str(self._xsrf()), **how.pop("headers", {})}
        return self.http.request(method, f"{self.url}/hub/api/{path}", headers=headers, timeout=120, **how)

    def start(self, server: str, options: Mapping[str, Any]) -> requests.Response:
        """Press Start: send the form."""
        form = {"_xsrf": self._xsrf(), **options}
        url = f"{self.url}/hub/spawn/{self.name}/{server}".rstrip("/")
        return self.http.post(url, data=form, timeout=60, allow_redirects=False)

    def stop(self, server: str) -> None:
        """Press Stop, or Cancel, and wait until the server is no more."""
        self.press_stop(server)
        wait_for(lambda: self.model(server) is None, f"{server} of {self.name} stopped")

    def press_stop(self, server: str) -> None:
        """Press Stop, or Cancel; the hub goes on by itself."""
        self.api("DELETE", self._path(server))

    def stop_all(self) -> None:
        """Stop every server."""
        for server in list(self.api("GET", f"users/{self.name}").json()["servers"]):
            self.stop(server)

    def model(self, server: str) -> dict[str, Any] | None:
        """The hub's model of a server that is running or on its way."""
        found: dict[str, Any] = self.api("GET", f"users/{self.name}").json()["servers"]
        return found.get(server)

    def until_ready(self, server: str, seconds: float = 90) -> dict[str, Any]:
        """Wait for the server to be up; returns its model."""

        def ready() -> dict[str, Any] | None:
            model = self.model(server)
            return model if model and model["ready"] else None

        return wait_for(ready, f"{server} of {self.name} is ready", seconds)

    def events(self, server: str) -> Iterator[dict[str, Any]]:
        """What the queue page hears."""
        url = f"{self.url}/hub/api/users/{self.name}/{self._server(server)}/progress"
        with self.http.get(url, stream=True, timeout=120) as answer:
            assert answer.ok, f"{answer.status_code}: {answer.text[:500]}"
            for line in answer.iter_lines():
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def exchange_token(self) -> str:
        """A token as notebook servers have it: for the exchange, in this person's name."""
        scopes = ["access:services!service=exchange", "read:users:groups!user"]
        answer = self.api("POST", f"users/{self.name}/tokens", json={"scopes": scopes})
        assert answer.ok, answer.text
        return str(answer.json()["token"])

    def exchange(self, method: str, path: str, **how: Any) -> requests.Response:
        """A call of the exchange in this person's name."""
        headers = {"Authorization": f"Bearer {self.exchange_token()}"}
        url = f"{self.url}/services/exchange/{path}"
        return requests.request(method, url, headers=headers, timeout=120, verify=self.http.verify, **how)

    def get(self, path: str) -> requests.Response:
        """A page, below the hub's address."""
        return self.http.get(f"{self.url}{path}", timeout=60)

    def post(self, path: str, form: Mapping[str, Any]) -> requests.Response:
        """Send a form of one of the hub's pages; answers the page that one sees then."""
        return self.http.post(f"{self.url}{path}", data={"_xsrf": self._xsrf(), **form}, timeout=60)

    def server_started(self, server: str) -> str:
        """When the notebook server itself says that it started; logs in to it on the way."""
        lab = self.get(f"/user/{self.name}/{server}/lab")
        assert lab.ok, f"{lab.status_code} {lab.url}"
        status = self.get(f"/user/{self.name}/{server}/api/status")
        assert status.ok, f"{status.status_code}: {status.text}"
        return str(status.json()["started"])

    def home(self) -> str:
        """The courses page."""
        return self.get("/hub/home").text

    def _xsrf(self) -> str:
        found = re.search(r'xsrf_token: "([^"]+)"', self.home())
        assert found, "the page holds no XSRF token"
        return found.group(1)

    def _path(self, server: str) -> str:
        return f"users/{self.name}/{self._server(server)}"

    def _server(self, server: str) -> str:
        return f"servers/{quote(server)}" if server else "server"


def jobs_left(state: Path) -> list[str]:
    """Processes whose home lies in that state folder: jobs that outlived their server."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"HOME={state}/homes/".encode() in environment:
            left.append(command.replace(b"\0", b" ").decode())
    return left
