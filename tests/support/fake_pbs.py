"""A PBS Pro in a folder, to be put on PATH: commands with a few jobs in a file, which the test moves on."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = Path(__file__).with_name("pbs_command.py")


class FakePbs:
    """The commands, and what happens to the jobs between their calls."""

    COMMANDS = ("qsub", "qdel", "qstat", "qselect", "pbsnodes")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for command in self.COMMANDS:
            shutil.copy(COMMAND, folder / command)
        self._file = folder / "cluster.json"
        self._file.write_text(
            json.dumps(
                {
                    "default_queue": "workq",
                    "queues": {"workq": 1440, "cpu": 1440, "short": 25},
                    "account_required": False,
                    "last": 100,
                    "jobs": {},
                    "nodes": {"n1": {"Mom": "n1.cluster.example", "Port": 15002, "state": "free"}},
                }
            )
        )

    @contextmanager
    def _cluster(self) -> Iterator[dict[str, Any]]:
        """The cluster as it is, to be changed while no command runs."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            cluster: dict[str, Any] = json.loads(self._file.read_text())
            yield cluster
            self._file.write_text(json.dumps(cluster))

    def set(self, **facts: Any) -> None:
        """Change what the cluster accepts."""
        with self._cluster() as cluster:
            cluster.update(facts)

    def change(self, job_id: str, **attributes: Any) -> None:
        """Let time pass for one job."""
        with self._cluster() as cluster:
            cluster["jobs"][job_id] |= attributes

    def forget(self, job_id: str) -> None:
        """Let the job's history end."""
        with self._cluster() as cluster:
            del cluster["jobs"][job_id]

    def job(self, job_id: str) -> dict[str, Any]:
        """What this PBS knows of a job."""
        with self._cluster() as cluster:
            job: dict[str, Any] = cluster["jobs"][job_id]
            return job

    def fail(self, command: str, out: str = "", *, err: str = "", code: int = 0, hangs: bool = False) -> None:
        """From now on the command does that, whatever it is asked."""
        mishap = {"out": out, "err": err, "code": code, "hangs": hangs}
        (self.folder / f"{command}.mishap").write_text(json.dumps(mishap))

    def recover(self, command: str) -> None:
        """The command works again."""
        (self.folder / f"{command}.mishap").unlink()

    def calls(self, command: str) -> list[dict[str, Any]]:
        """Every call of the command: argv, stdin and environment."""
        noted = self.folder / "calls"
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [call for call in map(json.loads, lines) if call["command"] == command]
