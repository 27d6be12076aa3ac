"""The copy of a submission's files that the sandbox sees: without notebooks, which hold the hidden tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcampus_grading.archive import IGNORED, OURS, files_to_pack

_NOT_THEIRS = (*OURS, "receipt.json", "timestamp.txt")


@contextmanager
def copy_for_sandbox(folder: Path) -> Iterator[Path]:
    """A readable copy, gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="hpcampus-") as name:
        copy = Path(name)
        for file in files_to_pack(folder, (*IGNORED, "*.ipynb"), _NOT_THEIRS):
            target = copy / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        if os.geteuid() == 0:  # then the sandbox is another user, who must be able to read what is copied
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
        yield copy
