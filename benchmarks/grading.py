"""How fast is a class graded, beside nbgrader, otter-grader and the Grader Service?

`benchmarks/run grading`: no root, half an hour. All grade the same homework, pinned to one core, in turns.
nbgrader and we also write the executed notebook and the feedback. A figure is what one submission costs, from
the first finished one to the last; what comes before is `first`. Ratios are within a round. The scores that
nbgrader and we give must be equal, cell by cell.

`hpcampus` is what `campus grade` does; `in nbgrader's steps` is nbgrader's own commands with our settings,
without the gradebook of its own in which `campus grade` has each submission graded. For a second core two of
`hpcampus` run side by side; `2 workers` is a single one that shares its work, and the feedback, among two
processes.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from graders.homework import ASSIGNMENT, COURSE, KINDS, LEARNERS, source_notebook, submit
from graders.layers import by_layer
from outcome import table, write

HERE = Path(__file__).parent
GRADERS = HERE / "graders"
RIVALS = HERE.parent / ".rivals"
ROUNDS = int(os.environ.get("BENCHMARK_ROUNDS", "5"))
OURS = 3  # times as many submissions, because each is so short
NBGRADERS = (GRADERS / "nbgraders.py",)
CAMPUS = (sys.executable, GRADERS / "with_campus.py")
OTHERS = {"otter-grader": "with_otter.py", "grader-service": "with_grader_service.py"}
RATIOS = (
    ("wall", "nbgrader", "hpcampus", "wall_s"),
    ("cpu", "nbgrader", "hpcampus", "cpu_s"),
    ("wall in nbgrader's steps", "nbgrader", "hpcampus, in nbgrader's steps", "wall_s"),
    ("second core", "hpcampus", "hpcampus, 2 cores", "wall_s"),
    ("second worker", "hpcampus", "hpcampus, 2 workers", "wall_s"),
)
FEW = 6  # submissions for those of which no ratio is claimed
Figures = dict[str, Any]


def main() -> None:
    """Measure, print and keep."""
    with tempfile.TemporaryDirectory(prefix="hpcampus-grading-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        rows: list[Figures] = []
        pairs: list[Figures] = []
        for kind in KINDS:
            course = make_course(folder / kind, kind)
            rounds = [one_round(course, kind) for _ in range(ROUNDS)]
            rows += [summary(kind, system, [r[system] for r in rounds]) for system in rounds[0]]
            pairs.append(ratios(kind, rounds))
            rows += [summary(kind, system, [other(kind, system, folder)]) for system in OTHERS]
        layers = by_layer(folder)
        for part in (rows, pairs, layers):
            table(part)
            print()
        write("grading", rows, "nbgrader", "ipython", "numba", ratios=pairs, layers=layers, rounds=ROUNDS)


def make_course(folder: Path, kind: str) -> Path:
    """A course folder with the homework released, by nbgrader itself."""
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(kind), source / "ps1.ipynb")
    subprocess.run([sys.executable, GRADERS / "release.py", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


def one_round(course: Path, kind: str) -> dict[str, Figures]:
    """nbgrader, we on one core, and we on two, one after the other."""
    theirs = grade(course, kind, range(LEARNERS), [RIVALS / "nbgrader" / "bin" / "python", *NBGRADERS])
    many = range(OURS * LEARNERS)
    ours = grade(course, kind, many, CAMPUS)
    steps = grade(course, kind, many, [sys.executable, *NBGRADERS], "ours")
    for scores in (ours["scores"], steps["scores"]):
        compare(theirs["scores"], scores)
    with ThreadPoolExecutor() as pool:
        sides = [pool.submit(grade, course, kind, many, CAMPUS, core=core) for core in (0, 1)]
        halves = [per_submission(side.result()) for side in sides]
    workers = grade(course, kind, many, CAMPUS, "2", core=None)
    both = {
        "wall_s": 1 / sum(1 / half["wall_s"] for half in halves),
        "cpu_s": statistics.mean(half["cpu_s"] for half in halves),
    }
    return {
        "nbgrader": per_submission(theirs),
        "hpcampus": per_submission(ours),
        "hpcampus, in nbgrader's steps": per_submission(steps),
        "hpcampus, 2 cores": both,
        "hpcampus, 2 workers": per_submission(workers),
    }


def grade(
    course: Path,
    kind: str,
    learners: Sequence[int],
    program: Sequence[str | Path],
    *words: str,
    core: int | None = 0,
) -> Figures:
    """A program of `graders/` on a copy of the course, on one core or on all; what it reports."""
    with tempfile.TemporaryDirectory(dir=course.parent, prefix="copy-") as name:
        copy = Path(name, COURSE)
        shutil.copytree(course, copy)
        submit(copy, kind, learners)
        return run([*program, copy, *words], core)


def other(kind: str, system: str, folder: Path) -> Figures:
    """Another grader on a few submissions; it makes no feedback here."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        python = RIVALS / system / "bin" / "python"
        return per_submission(run([python, GRADERS / OTHERS[system], work, kind, str(FEW)], core=0))


def run(command: Sequence[str | Path], core: int | None) -> Figures:
    """The report in a program's last line."""
    cores = {0, 1} if core is None else {core}
    done = subprocess.run(
        list(map(str, command)),
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LANG": "C.UTF-8"},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-4000:])
    report: Figures = json.loads(done.stdout.splitlines()[-1])
    return report


def per_submission(report: Figures) -> Figures:
    """Grading and feedback together, where both were made."""
    parts = [report[part] for part in ("autograde", "feedback") if part in report]
    return {
        "wall_s": sum(part["wall_s"] for part in parts),
        "cpu_s": sum(part["cpu_s"] for part in parts),
        "feedback_s": report["feedback"]["wall_s"] if "feedback" in report else 0.0,
        "first_s": parts[0]["first_s"],
    }


def summary(kind: str, system: str, figures: Sequence[Mapping[str, float]]) -> Figures:
    """The middle of all rounds."""
    middle = {name: statistics.median(f[name] for f in figures) for name in figures[0]}
    return {
        "notebook": kind,
        "system": system,
        "wall_ms": 1000 * middle["wall_s"],
        "cpu_ms": 1000 * middle["cpu_s"],
        "feedback_ms": 1000 * middle.get("feedback_s", float("nan")),
        "a_minute": 60 / middle["wall_s"],
        "first_s": middle.get("first_s", float("nan")),
    }


def ratios(kind: str, rounds: Sequence[Mapping[str, Figures]]) -> Figures:
    """How many times as fast, round by round: the middle, the least and the most."""
    found: Figures = {"notebook": kind}
    for name, slow, fast, figure in RATIOS:
        values = [r[slow][figure] / r[fast][figure] for r in rounds]
        found |= {name: statistics.median(values), f"{name} least": min(values), f"{name} most": max(values)}
    return found


def compare(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """The same learners have the same scores, cell by cell."""
    different = {key: (score, ours[key]) for key, score in theirs.items() if ours[key] != score}
    assert not different, different


if __name__ == "__main__":
    main()
