"""Everything secret of a running campus, by what it is, for tests that look whether it can be found."""

import json
import os
import sqlite3
from pathlib import Path

from campus_under_test import CampusUnderTest


def token_of(campus: CampusUnderTest, name: str) -> str:
    """The token of that person's only running server."""
    with sqlite3.connect(campus.settings.state / "spawns.sqlite") as ledger:
        question = "SELECT api_token FROM campus_spawns WHERE learner = ? AND ended IS NULL"
        return str(ledger.execute(question, [name]).fetchone()[0])


def of_files(state: Path) -> dict[str, str]:
    """What the hub keeps in files for itself."""
    passwords = json.loads((state / "passwords.json").read_text())
    files = {file.name: file.read_text().strip() for file in state.glob("*.secret")}
    return {**files, **{f"password of {name}": password for name, password in passwords.items()}}


def of_processes(campus: CampusUnderTest) -> dict[str, str]:
    """What the hub gave to the proxy and to its services, which are of its session."""
    assert campus.process is not None
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) != campus.process.pid:
                continue
            variables = (process / "environ").read_text().split("\0")
        except (OSError, UnicodeDecodeError):
            continue
        for variable in variables:
            name, _, value = variable.partition("=")
            if value and name.endswith(("_TOKEN", "_SECRET", "_KEY", "_PASSWORD")):
                found[f"{name} of {process.name}"] = value
    return found
