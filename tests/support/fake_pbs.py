"""A PBS Pro in a folder, to be put on PATH: commands with a few jobs in a file, which the test moves on."""

import json
import shutil
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
        self._write(
            {
                "default_queue": "workq",
                "queues": {"workq": 1440, "cpu": 1440, "short": 25},
                "account_required": False,
                "last": 100,
                "jobs": {},
                "nodes": {"n1": {"Mom": "n1.cluster.example", "Port": 15002, "state": "free"}},
            }
        )

    def set(self, **facts: Any) -> None:
        """Change what the cluster accepts."""
        self._write(self._read() | facts)

    def change(self, job_id: str, **attributes: Any) -> None:
        """Let time pass for one job."""
        cluster = self._read()
        cluster["jobs"][job_id] |= attributes
        self._write(cluster)

    def forget(self, job_id: str) -> None:
        """Let the job's history end."""
        cluster = self._read()
        del cluster["jobs"][job_id]
        self._write(cluster)

    def job(self, job_id: str) -> dict[str, Any]:
        """What this PBS knows of a job."""
        job: dict[str, Any] = self._read()["jobs"][job_id]
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

    def _read(self) -> dict[str, Any]:
        cluster: dict[str, Any] = json.loads((self.folder / "cluster.json").read_text())
        return cluster

    def _write(self, cluster: dict[str, Any]) -> None:
        (self.folder / "cluster.json").write_text(json.dumps(cluster))
