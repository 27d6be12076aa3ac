"""The hub as a child process: started, waited for, and ended together with its proxy."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import requests
from hpcampus_spawner.launcher import birth

from hpcampus_hub.lasting_proxy import end_proxy
from hpcampus_hub.settings import CONFIG_FILE, Settings

UP_SECONDS = 90
DOWN_SECONDS = 30


class HubFailed(Exception):
    """The hub didn't come up, or went down by itself; the message says where to look."""


class HubProcess:
    """One hub. Its log is `hub.log` in the state folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.state / "hub.log"
        self._record = settings.state / "hub-process.json"
        self.process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[Self]:
        """The hub, up and answering, for the length of the block."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start the hub and wait until it answers; raises `HubFailed`."""
        self._end_leftover()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hpcampus_hub.app", "-f", str(CONFIG_FILE)],
                cwd=self._settings.state,
                env={**os.environ, **self._settings.to_environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches only us, and we end things in order.
                start_new_session=True,
            )
        self._record.write_text(json.dumps([self.process.pid, birth(self.process.pid)]))
        deadline = time.monotonic() + UP_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                raise HubFailed(f"The hub ended while starting. Its log: {self._log}")
            if time.monotonic() > deadline:
                self.stop()
                raise HubFailed(f"The hub didn't answer within {UP_SECONDS} s. Its log: {self._log}")
            time.sleep(0.1)

    def wait(self) -> None:
        """Wait until the hub ends by itself, which it shouldn't: raises `HubFailed`."""
        assert self.process is not None
        code = self.process.wait()
        raise HubFailed(f"The hub ended by itself with exit code {code}. Its log: {self._log}")

    def stop(self) -> None:
        """Ask the hub to end, and with it the services; make it, if it doesn't. Then end the proxy."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DOWN_SECONDS)
            except subprocess.TimeoutExpired:
                # The hub leads a session of its own: the services are in it.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        end_proxy(self._settings.proxy_pid_file)

    def _end_leftover(self) -> None:
        """End a hub that an earlier, killed `campus up` left behind: it would hold the port and the jobs."""
        try:
            pid, born = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + DOWN_SECONDS
        while birth(pid) == born and born is not None:
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            believed = self._settings.believed
            verify = str(believed) if believed else True
            answer = requests.get(f"{self._settings.url}/hub/health", timeout=2, verify=verify)
        except (requests.RequestException, OSError):
            # OSError: the hub hasn't made its certificates yet.
            return False
        return answer.ok
