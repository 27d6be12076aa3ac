"""The twin's daemons: our children, each with a log of its own, stopped in the reverse of their order."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from hpcampus_hub.twin import requirements
from hpcampus_hub.twin.errors import TwinUnavailable
from hpcampus_hub.twin.waiting import wait_for

LOG_LINES = 15
STOP_SECONDS = 10


class Daemons:
    """Starts and stops the daemons of one twin."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, Callable[[], None]] = {}

    @property
    def pids(self) -> Mapping[str, int]:
        """The PID of each daemon that was started."""
        return {name: process.pid for name, process in self._running.items()}

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        directory: Path = Path("/"),
    ) -> None:
        """Start a daemon that stays in the foreground; it outlives us and our terminal's signals."""
        self._again[name] = partial(self.start, name, argv, environment, directory)
        program = requirements.find(str(argv[0]))
        assert program is not None, f"{argv[0]} was looked for before the twin started"
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [program, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env={"PATH": os.defpath, **self._environment, **(environment or {})},
                start_new_session=True,
                umask=0o022,
            )

    def restart(self, name: str) -> None:
        """Start a daemon again as it was started first, once it has ended."""
        self._running[name].wait(STOP_SECONDS)
        self._again[name]()

    def alive(self, name: str) -> bool:
        """Whether that daemon was started and hasn't ended."""
        process = self._running.get(name)
        return process is not None and process.poll() is None

    def wait(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a daemon is ready; raise with the end of its log when it dies or takes too long."""
        process = self._running[name]
        if wait_for(lambda: process.poll() is not None or ready(), seconds) and process.poll() is None:
            return
        what = "takes too long to start" if process.poll() is None else f"ended ({process.returncode})"
        raise TwinUnavailable(f"The twin's {name} {what}. The end of its log:\n{self._log_end(name)}")

    def stop(self) -> None:
        """Stop every daemon; the last one started stops first."""
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _log_end(self, name: str) -> str:
        lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])
