"""What jobs leave in a learner's home: the last few logs, and nothing that grows for ever."""

import os
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hpcampus_spawner.folders import KEPT, LOG, LONGEST_WAIT_SECONDS, TICKET, forget_old, spawn_folder
from hpcampus_spawner.launching import Launcher
from hpcampus_spawner.slurm import SlurmScheduler
from spawning import FakeSlurm, a_submission


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def a_folder(age: float, *, log: float | None = None, ticket: bool = False) -> str:
    """The folder of a spawn, made so many seconds ago; `log`: when it was last written to."""
    spawn_id = uuid4().hex
    folder = spawn_folder(spawn_id)
    folder.mkdir(parents=True)
    times = {folder / LOG: log, folder / TICKET: age if ticket else None}
    for path, seconds in times.items():
        if seconds is not None:
            path.write_text("x")
            os.utime(path, 2 * (time.time() - seconds,))
    os.utime(folder, 2 * (time.time() - age,))
    return spawn_id


def there(home: Path) -> set[str]:
    return {folder.name for folder in (home / ".hpcampus" / "spawns").iterdir()}


def test_the_last_few_stay(home: Path) -> None:
    folders = [a_folder(age=100.0 - number) for number in range(9)]
    forget_old([])
    assert there(home) == set(folders[-KEPT:])


def test_a_job_that_wrote_lately_counts_as_a_late_one(home: Path) -> None:
    old = a_folder(age=1000, log=1)
    newer = [a_folder(age=10.0 + number) for number in range(KEPT)]
    forget_old([])
    assert there(home) == {old, *newer[:-1]}


def test_what_the_hub_still_wants_stays(home: Path) -> None:
    wanted = [a_folder(age=1000) for _ in range(3)]
    over = [a_folder(age=10) for _ in range(KEPT + 1)]
    forget_old(wanted)
    assert set(wanted) <= there(home)
    assert len(there(home) & set(over)) == KEPT


def test_a_ticket_that_waits_stays_but_not_for_ever(home: Path) -> None:
    waits = a_folder(age=1000, ticket=True)
    lost = a_folder(age=LONGEST_WAIT_SECONDS + 1, ticket=True)
    over = {a_folder(age=10) for _ in range(KEPT)}
    forget_old([])
    assert there(home) == {waits, *over}
    assert lost not in there(home)


def test_nothing_else_is_touched(home: Path) -> None:
    for _ in range(KEPT + 1):
        a_folder(age=10)
    (home / "work").mkdir()
    spawns = home / ".hpcampus" / "spawns"
    (spawns / "notes").mkdir()
    (spawns / ("b" * 32)).symlink_to(home / "work")
    os.utime(spawns / ("b" * 32), (0, 0), follow_symlinks=False)
    os.utime(home / "work", (0, 0))
    forget_old([])
    assert (spawns / "notes").is_dir()
    assert (home / "work").is_dir()


def test_a_home_without_folders_is_fine() -> None:
    forget_old([])


async def test_each_submission_tidies_up(
    homes: Path, launcher: Launcher, slurm_commands: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm_commands.answer("sbatch", "7\n")
    monkeypatch.setenv("HOME", str(homes / "ada"))
    wanted = a_folder(age=1000)
    old = [a_folder(age=10.0 - number) for number in range(KEPT + 1)]
    submission = replace(a_submission(), wanted=(wanted,))
    await SlurmScheduler(launcher).submit("ada", submission)
    assert there(homes / "ada") == {wanted, submission.spawn_id, *old[1:]}
