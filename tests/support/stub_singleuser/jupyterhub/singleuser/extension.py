"""Notes how it was run where STUB_NOTES says, then ends with STUB_CODE; without one it waits for a signal."""

import json
import os
import random
import signal
import sys
from pathlib import Path


def main() -> None:
    """Stand in for the server."""
    notes = {
        "argv": sys.argv[1:],
        "cwd": str(Path.cwd()),
        "environment": dict(os.environ),
        "random": random.__file__,
        "ignores_usr1": signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN,
        "stdin": sys.stdin.read(),
    }
    path = Path(os.environ["STUB_NOTES"])
    path.with_suffix(".new").write_text(json.dumps(notes))
    # SystemExit is the clean end of a server that was asked to stop.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
    signal.signal(signal.SIGUSR1, lambda number, frame: sys.exit(8))
    path.with_suffix(".new").replace(path)
    if code := os.environ.get("STUB_CODE"):
        sys.exit(int(code))
    while True:
        signal.pause()
