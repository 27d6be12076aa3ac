"""Terminals of notebook servers, and learners' answers in them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

BIN = Path(sys.prefix) / "bin"


@dataclass(frozen=True)
class Seat:
    """A notebook server's terminal: a home, a token, and the variables that the hub sets."""

    home: Path
    environment: dict[str, str]

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a program from the environment; its whole output."""
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode == 0) is ok, done.stdout
        return done.stdout


def solve(notebook: Path, total: str = "return np.sum(x)", twice: str = "return 2 * x") -> None:
    """Write answers into a fetched notebook."""
    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    for name, answer in (("total", total), ("twice", twice)):
        cell = next(c for c in content.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)
        cell.source = f"def {name}(x):\n    {answer}"
    nbformat.write(content, notebook)  # type: ignore[no-untyped-call]
