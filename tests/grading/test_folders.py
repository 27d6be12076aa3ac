"""Folders that are replaced: whenever the process dies, the old one or the new one is there."""

import subprocess
import sys
from pathlib import Path

import pytest
from hpcampus_grading import folders
from hpcampus_grading.folders import replace_folder

# Dies before the given one of its changes to the disk.
PROGRAM = """
import os, sys
from pathlib import Path
from hpcampus_grading import folders

if sys.argv[3] == "two-steps":
    folders._exchange = lambda one, other: False
count = 0

def audit(event, _):
    global count
    if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "open", "ctypes.dlsym"):
        count += 1
        if count == int(sys.argv[2]):
            os._exit(9)

sys.addaudithook(audit)
with folders.replace_folder(Path(sys.argv[1])) as fresh:
    (fresh / "work.txt").write_text("new")
os._exit(0)
"""


@pytest.mark.parametrize("way", ["exchange", "two-steps"])
def test_a_process_that_dies_leaves_the_old_folder_or_the_new_one(tmp_path: Path, way: str) -> None:
    target, seen, step = tmp_path / "submitted", set(), 0
    while True:
        step += 1
        assert step < 100
        if not target.exists():
            target.mkdir()
            (target / "work.txt").write_text("old")
        command = [sys.executable, "-c", PROGRAM, str(target), str(step), way]
        code = subprocess.run(command, check=False).returncode
        assert code in {0, 9}
        if not target.exists():
            # Only where two names can't be exchanged at once: the next collection brings it back.
            assert way == "two-steps"
            with pytest.raises(KeyError), replace_folder(target):
                raise KeyError
        seen.add((target / "work.txt").read_text())
        (target / "work.txt").write_text("old")
        if code == 0:
            break
    assert seen == {"old", "new"}


def test_a_block_that_fails_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(ZeroDivisionError), replace_folder(target) as fresh:
        (fresh / "half").write_text(str(1 / 0))
    assert [list(path.iterdir()) for path in tmp_path.iterdir()] == [[]]


def test_where_names_can_not_be_exchanged_it_still_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    for text in ("one", "two"):
        with replace_folder(tmp_path / "folder") as fresh:
            (fresh / "file").write_text(text)
    assert (tmp_path / "folder" / "file").read_text() == "two"
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]
