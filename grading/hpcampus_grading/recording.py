"""Grades between a course's gradebook, which is nbgrader's, and the exchange, which keeps their history."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry

from hpcampus_grading.exchange.instructor import read_receipt
from hpcampus_grading.messages import CellGrade, Grade, RecordedGrade
from hpcampus_grading.sandbox.report import SUFFIX, Flag, read_report


def grades_of(
    gradebook: Gradebook, folder: Path, assignment: str, only: Collection[str] | None = None
) -> Iterator[Grade]:
    """What the gradebook says of submissions that were collected from the exchange and graded."""
    for entry in gradebook.assignment_submissions(assignment):
        if only is not None and entry.student.id not in only:
            continue
        graded = folder / "autograded" / entry.student.id / assignment
        receipt = read_receipt(graded)
        if receipt is not None:
            yield Grade(
                submission=receipt.id,
                score=max(0, entry.score - _penalty(entry)),
                max_score=entry.max_score,
                penalty=_penalty(entry),
                needs_person=bool(entry.needs_manual_grade),
                cells=tuple(cells_of(entry)),
                flags=flags_of(graded),
            )


def flags_of(graded: Path) -> tuple[Flag, ...]:
    """The signs of tampering that the sandbox reported about the notebooks in a graded folder."""
    reports = (read_report(path.read_bytes()) for path in sorted(graded.glob(f"*{SUFFIX}")))
    return tuple(flag for report in reports for flag in report.flags)[:1000]


def bring_back(
    gradebook: Gradebook,
    assignment: str,
    recorded: Sequence[RecordedGrade],
    graded: Path,
    *,
    only_missing: bool = False,
) -> int:
    """Put the points and comments of people into a gradebook; answers to how many cells.

    Only those on the very submission that was graded here: `graded` is the folder of all that were. With
    `only_missing` what the gradebook has itself stays; without, it was made anew.
    """
    count = 0
    for entry in recorded:
        receipt = read_receipt(graded / entry.learner / assignment)
        if receipt is not None and receipt.id == entry.grade.submission:
            count += restore(gradebook, entry, only_missing=only_missing)
    gradebook.db.commit()
    return count


def restore(gradebook: Gradebook, entry: RecordedGrade, *, only_missing: bool) -> int:
    """The same for one submission; the caller commits."""
    where = (entry.assignment, entry.learner)
    cells = filter(by_a_person, entry.grade.cells)
    return sum(_restore(gradebook, cell, *where, only_missing=only_missing) for cell in cells)


def by_a_person(cell: CellGrade) -> bool:
    """Whether a person gave anything there."""
    return cell.manual is not None or bool(cell.extra) or cell.comment is not None


def _penalty(entry: Any) -> float:
    return float(sum(notebook.late_submission_penalty or 0 for notebook in entry.notebooks))


def cells_of(entry: Any) -> Iterator[CellGrade]:
    """Points and comments of a submission, cell by cell."""
    for notebook in entry.notebooks:
        comments = {comment.name: comment.manual_comment for comment in notebook.comments}
        points = {grade.name: grade for grade in notebook.grades}
        for name in sorted({*comments, *points}):
            grade = points.get(name)
            if grade is not None or comments[name] is not None:
                yield CellGrade(
                    notebook=notebook.name,
                    cell=name,
                    auto=grade and grade.auto_score,
                    manual=grade and grade.manual_score,
                    extra=grade and grade.extra_credit,
                    points=grade and grade.max_score,
                    comment=comments.get(name),
                )


def _restore(
    gradebook: Gradebook, cell: CellGrade, assignment: str, learner: str, *, only_missing: bool
) -> bool:
    """One cell; a cell that the assignment no longer has is left out."""
    where = (cell.cell, cell.notebook, assignment, learner)
    points = (cell.manual is not None or bool(cell.extra)) and _restore_points(
        gradebook, cell, where, only_missing=only_missing
    )
    if cell.comment is None:
        return points
    try:
        comment = gradebook.find_comment(*where)
    except MissingEntry:
        return points
    if only_missing and comment.manual_comment is not None:
        return points
    comment.manual_comment = cell.comment
    return True


def _restore_points(
    gradebook: Gradebook, cell: CellGrade, where: tuple[str, str, str, str], *, only_missing: bool
) -> bool:
    try:
        grade = gradebook.find_grade(*where)
    except MissingEntry:
        return False
    if only_missing and (grade.manual_score is not None or grade.extra_credit):
        return False
    grade.manual_score, grade.extra_credit = cell.manual, cell.extra
    # As when the person had just saved it.
    grade.needs_manual_grade = False
    return True
