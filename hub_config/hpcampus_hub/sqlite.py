"""JupyterHub's tables in an SQLite file: commits that don't stop the hub."""

import sqlite3
from typing import Any


class QuickCommits(sqlite3.Connection):
    """A connection whose commits don't wait for the disk; each would stop the hub's event loop meanwhile.

    A hub that crashes loses nothing. A power cut may lose the last commits, never the file; the ledger of
    spawns, which must not lose even those, is a file of its own and waits.
    """

    def __init__(self, *where: Any, **how: Any) -> None:
        super().__init__(*where, **how)
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=NORMAL")
