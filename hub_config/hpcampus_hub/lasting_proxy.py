"""The proxy as a process of its own: notebooks stay reachable while the hub is away, and the next hub goes on
with it.
"""

import hashlib
import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from hpcampus_spawner.launcher import alive, birth
from jupyterhub.proxy import ConfigurableHTTPProxy
from jupyterhub.utils import can_connect
from tornado.ioloop import PeriodicCallback

LOOK_SECONDS = 2
"""A proxy that has died is to be back within 10 s, and Node.js needs a part of that to start."""
END_SECONDS = 10


class PortTaken(RuntimeError):
    """Somebody else listens where the proxy should; the sentence is for the operator."""


@dataclass(frozen=True)
class EarlierProcess:
    """A process that isn't our child, with as much of `Popen` as JupyterHub uses of its proxy."""

    pid: int
    born: str

    def poll(self) -> int | None:
        """None while it lives."""
        return None if alive(self.pid, self.born) else -1

    def terminate(self) -> None:
        """Ask it to end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


class LastingProxy(ConfigurableHTTPProxy):
    """configurable-http-proxy, left running by a hub that ends. `auth_token` must outlive the hub too."""

    _check_running_callback: Any

    async def start(self) -> None:
        """Go on with the proxy of the hub before, if it was started with the same words; else start one."""
        watching = self._check_running_callback
        earlier = self._earlier()
        if earlier is None:
            await super().start()
        else:
            self.log.info("Going on with the proxy that is there, process %i", earlier.pid)
            self.proxy_process = earlier
            self._check_running_callback = PeriodicCallback(self.check_running, 1000 * LOOK_SECONDS)
            self._check_running_callback.start()
        # One look at a time: JupyterHub adds another with each start.
        if watching is not None:
            watching.stop()

    def _check_previous_process(self) -> None:
        """End a proxy of ours that is of no use any more; then nobody may be in the way."""
        super()._check_previous_process()
        for url in (self.public_url, self.api_url):
            where = urlparse(url)
            if can_connect(where.hostname, where.port):
                raise PortTaken(
                    f"Somebody listens on port {where.port} of {where.hostname}, where this hub's proxy "
                    "should, and it isn't a proxy that this hub started. End that process, or give the hub "
                    "another port."
                )

    def _write_pid_file(self) -> None:
        """Note the process and what it was started with, for the hub after this one."""
        super()._write_pid_file()
        pid = self.proxy_process.pid
        record = {"pid": pid, "born": birth(pid), "words": self._words()}
        _record(Path(self.pid_file)).write_text(json.dumps(record))

    def _earlier(self) -> EarlierProcess | None:
        process, words = _recorded(Path(self.pid_file))
        return process if process is not None and words == self._words() else None

    def _words(self) -> str:
        """A digest of all that the proxy is started with, the age of its certificates included."""
        options = self._get_ssl_options() if self.app.internal_ssl else []
        certificates = [
            file for file in (self.ssl_key, self.ssl_cert, *options) if file and Path(file).is_file()
        ]
        facts = [
            self.command,
            self.public_url,
            self.api_url,
            self.hub.url,
            self.auth_token,
            self.app.subdomain_host,
            [(file, Path(file).stat().st_mtime_ns) for file in certificates],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def end_proxy(pid_file: Path) -> None:
    """End the proxy that a hub has left; for whoever ends a whole campus."""
    process, _ = _recorded(pid_file)
    if process is None:
        return
    deadline = time.monotonic() + END_SECONDS
    while process.poll() is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.05)
    pid_file.unlink(missing_ok=True)


def _record(pid_file: Path) -> Path:
    return pid_file.with_suffix(".json")


def _recorded(pid_file: Path) -> tuple[EarlierProcess | None, str]:
    """The proxy that was started last, if it lives, and what it was started with."""
    try:
        record = json.loads(_record(pid_file).read_text())
        process = EarlierProcess(int(record["pid"]), str(record["born"]))
    except (OSError, ValueError, KeyError):
        return None, ""
    return (process if process.poll() is None else None), str(record["words"])
