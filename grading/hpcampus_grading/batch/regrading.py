"""Grading again after a test was fixed: all is worked out first, shown, and written when somebody agrees."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpcampus_grading.batch.book import Book
from hpcampus_grading.batch.grading import Progress, nobody_looks
from hpcampus_grading.batch.work import Graded, Material
from hpcampus_grading.batch.workers import Crew
from hpcampus_grading.folders import write_atomically
from hpcampus_grading.gradebook import CourseGradebook


@dataclass(frozen=True)
class Change:
    """A learner whose score would be another."""

    learner: str
    old: float
    new: float


@dataclass(frozen=True)
class Regrade:
    """What grading again would do, worked out and not written yet."""

    changes: tuple[Change, ...]
    problems: Mapping[str, str]
    results: tuple[Graded, ...]
    skipped: tuple[str, ...]
    """Whose newer submission was collected and waits to be graded."""


@contextmanager
def regrade(
    gradebook: CourseGradebook, assignment: str, crew: Crew, progress: Progress = nobody_looks
) -> Iterator[Regrade]:
    """Grade by the source as it is now what was graded before; nobody else grades it within the block.

    Results are kept beside the gradebook until `write`, so that killed in the midst nothing is done twice.
    """
    with gradebook.grading(assignment), tempfile.TemporaryDirectory(prefix="hpcampus-") as name:
        with gradebook.trial(assignment, Path(name)) as trial:
            material = trial.material()
            before = trial.scores()
            everybody = [learner for learner in trial.submitted() if learner in before]
            learners = [learner for learner in everybody if trial.is_current(learner)]
            kept = _Kept(gradebook.folder.path / ".regrade" / assignment, material)
            results = list(_results(trial, kept, material, learners, crew, progress))
            with trial.entering() as enter:
                for result in results:
                    if not result.problem:
                        enter(result)
            after = trial.scores()
        yield Regrade(
            changes=tuple(
                Change(who, before[who], after[who]) for who in learners if before[who] != after[who]
            ),
            problems={result.learner: result.problem for result in results if result.problem},
            results=tuple(result for result in results if not result.problem),
            skipped=tuple(learner for learner in everybody if learner not in learners),
        )


def write(gradebook: CourseGradebook, assignment: str, regraded: Regrade) -> None:
    """Make it so: the tests as they are now, and everybody's scores. Done twice, it is done once."""
    gradebook.generate_again(assignment)
    book = gradebook.book(assignment)
    with book.entering() as enter:
        for result in regraded.results:
            with gradebook.folder.alone():
                enter(result)
                book.keep(result)
    shutil.rmtree(gradebook.folder.path / ".regrade" / assignment, ignore_errors=True)


class _Kept:
    """Results of a regrade that isn't written yet, by the very assignment that they are of."""

    def __init__(self, folder: Path, material: Material) -> None:
        # Not the gradebook's bytes: SQLite may write the same content in another order.
        exact = material.model_copy(update={"gradebook": b""}).model_dump_json().encode()
        self._folder = folder / hashlib.sha256(exact).hexdigest()

    def find(self, learner: str, version: str) -> Graded | None:
        """The result of a submission, if it is there."""
        try:
            found = Graded.model_validate_json(self._file(learner).read_bytes())
        except (OSError, ValueError):
            return None
        return found if found.version == version else None

    def keep(self, graded: Graded) -> None:
        """Put a result down, completely or not at all."""
        write_atomically(self._file(graded.learner), graded.model_dump_json())

    def _file(self, learner: str) -> Path:
        # Below a folder of their name, which is where it is looked for when a person is to be forgotten.
        return self._folder / learner / "result.json"


def _results(
    book: Book, kept: _Kept, material: Material, learners: list[str], crew: Crew, progress: Progress
) -> Iterator[Graded]:
    missing = []
    for learner in learners:
        found = kept.find(learner, book.version(learner))
        if found is None:
            missing.append(learner)
        else:
            yield found
    if not missing:
        return
    done = len(learners) - len(missing)
    progress(done, len(learners))
    with crew.at_work(len(missing)) as grade:
        for result in grade(material, map(book.work, missing)):
            if not result.problem:
                kept.keep(result)
            done += 1
            progress(done, len(learners))
            yield result
