"""Where and with what a benchmark ran, and the file that keeps its result."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine(*packages: str) -> dict[str, str]:
    """The processor, the load before, and the versions of Python and of these packages."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    load = Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]
    versions = {name: version(name) for name in packages}
    return {"cpu": cpu, "python": platform.python_version(), "load": load, **versions}


def keep(name: str, result: dict[str, Any]) -> None:
    """Write a result into results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
