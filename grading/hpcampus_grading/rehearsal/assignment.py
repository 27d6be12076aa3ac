"""One assignment of a course, looked at from all sides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from hpcampus_courses import Assignment, BadFile, Course
from hpcampus_courses.answers import Expected, ExpectedAnswers
from hpcampus_courses.lint import lint
from hpcampus_courses.notebook import Notebook

from hpcampus_grading.rehearsal.leaks import leaks
from hpcampus_grading.rehearsal.mistakes import mistakes
from hpcampus_grading.rehearsal.pipeline import Graded, graded
from hpcampus_grading.rehearsal.report import Report, Row, row
from hpcampus_grading.rehearsal.stage import Mutator, Stage
from hpcampus_grading.sandbox.files import copy_for_sandbox
from hpcampus_grading.sandbox.plan import Plan, RunLimits, gpu_is_here

ANSWERS_FOLDER = "answers"
_SOLUTION, _EMPTY = "the instructor's solution", "the empty release"
# For all mutants together. Whether a cell keeps to the limits of a submission, the pipeline has shown before.
_LIMITS = RunLimits(cell_seconds=120, total_seconds=4 * 3600)


@dataclass(frozen=True)
class Depth:
    """How far to look: limits in seconds, and the share of mutants that must lose points (None: try none)."""

    graded_seconds: float = 60
    module_seconds: float = 600
    mutants: float | None = 0.95


def rehearse(course: Course, assignment: Assignment, folder: Path, depth: Depth) -> Report:
    """Look at one assignment; `folder` is the course's. `BadFile` for files that can't be read.

    Raises `GradingProblem` or `SandboxUnavailable` when nothing could be graded at all.
    """
    source = folder / "source" / assignment.slug
    notebook = Notebook.load(source / assignment.notebook)
    linted = row("form, links, spelling", "well", lint(source / assignment.notebook, assignment, folder))
    if any("is not Python" in sentence for sentence in linted.to_do):
        return Report(f"{course.slug}/{assignment.slug}", (linted,))
    answers = folder / ANSWERS_FOLDER / assignment.slug
    expected = ExpectedAnswers.of(answers)
    rows = [linted]
    rows += _submissions(course, assignment, source, notebook, expected.notebooks(answers))
    hidden = "no solution and no hidden test can be read"
    rows.append(row("the release", hidden, leaks(source, assignment.notebook)))
    with copy_for_sandbox(source) as files:
        plan = Plan(files=files, libraries=course.libraries, limits=_LIMITS, gpu=gpu_is_here())
        with Stage(notebook, plan) as stage:
            rows += _performance(stage, depth)
            if depth.mutants is not None and not stage.problems:
                rows.append(_mutants(stage, expected.equivalent, depth.mutants))
    return Report(f"{course.slug}/{assignment.slug}", tuple(rows))


def _submissions(
    course: Course,
    assignment: Assignment,
    source: Path,
    notebook: Notebook,
    known: Mapping[str, tuple[Expected, Notebook]],
) -> Iterator[Row]:
    right = {name: cell.source for name, cell in notebook.answers.items()}
    submissions = {_SOLUTION: right, _EMPTY: {}}
    for name, (_, other) in known.items():
        submissions[name] = {**right, **_differing(name, other, right)}
    found = graded(course, assignment, source, submissions)
    everything = dict(notebook.points)
    yield _earned(_SOLUTION, found[_SOLUTION], everything, Expected(about="it is right"))
    yield _earned(_EMPTY, found[_EMPTY], everything, Expected(about="nothing is there", loses=everything))
    for name, (wanted, _) in known.items():
        yield _earned(name, found[name], everything, wanted)
    for kind, means in (("wrong", "a common mistake"), ("alternatives", "another right answer")):
        if not any(name.startswith(f"{kind}/") for name in known):
            sentence = f"put a notebook with {means} into {ANSWERS_FOLDER}/{assignment.slug}/{kind}/"
            yield Row(kind, "none is there", (f"{sentence}, and what it must earn into expected.yaml",))


def _differing(name: str, other: Notebook, right: Mapping[str, str]) -> dict[str, str]:
    cells = {cell.name: cell.source for cell in other.cells}
    found = {cell: source for cell, source in cells.items() if cell in right and source != right[cell]}
    if not found:
        raise BadFile(f"{name}.ipynb has no cell that differs from the solution; cells: {', '.join(right)}")
    return found


def _earned(name: str, found: Graded, everything: Mapping[str, float], wanted: Expected) -> Row:
    earned = sum(found.points.get(cell, 0) for cell in everything)
    return row(
        name,
        f"{earned:g} of {sum(everything.values()):g} automatic points, as it should",
        _differences(found, everything, wanted),
    )


def _differences(found: Graded, everything: Mapping[str, float], wanted: Expected) -> Iterator[str]:
    for cell in sorted((wanted.loses.keys() | wanted.says.keys()) - everything.keys()):
        yield f"expected.yaml names {cell}, which is no cell with automatic points"
    for cell, points in everything.items():
        earned, lost = found.points.get(cell, 0), wanted.loses.get(cell, 0)
        if earned != points - lost:
            said = found.words.get(cell, "nothing")
            yield f"{cell} gave {earned:g} points, but {points - lost:g} were expected; it said: {said}"
    for cell, words in wanted.says.items():
        if " ".join(words.split()) not in found.words.get(cell, ""):
            yield f"{cell} should say {words!r}, but said: {found.words.get(cell, 'nothing')}"


def _performance(stage: Stage, depth: Depth) -> Iterator[Row]:
    yield row("it runs from top to bottom", "well, with no warning", stage.problems)
    for what, seconds, limit in (
        ("the graded part", stage.graded_seconds, depth.graded_seconds),
        ("the whole notebook", sum(stage.seconds.values()), depth.module_seconds),
    ):
        slowest = max(stage.seconds, key=lambda name: stage.seconds[name], default="")
        sentence = f"it took {seconds:.0f} s and may take {limit:g} s; the slowest cell is {slowest}"
        yield row(what, f"{seconds:.0f} s (limit {limit:g} s)", [sentence] if seconds > limit else [])


def _mutants(stage: Stage, equivalent: Mapping[str, str], least: float) -> Row:
    tried = stage.mutants(_mutators(), equivalent)
    stands = f"{tried.killed} of {tried.killed + len(tried.alive)} lose points ({tried.share:.0%})"
    stands += f"; {len(tried.equivalent)} are equivalent" if tried.equivalent else ""
    stands += "".join(f"\n        lives: {label}" for label in tried.alive)
    to_do = []
    if tried.share < least:
        to_do.append(
            f"{least:.0%} must lose points: write a hidden test that these fail, or name those that compute "
            "the same in `equivalent` of expected.yaml, with the reason"
        )
    if unused := sorted(equivalent.keys() - tried.equivalent):
        to_do.append(f"`equivalent` names what is no mutant any more: {'; '.join(unused)}")
    return Row("mutants of the solution", stands, tuple(to_do))


def _mutators() -> list[Mutator]:
    """Those of all packages that are installed here, and ours for plain Python."""
    return [*(entry.load() for entry in entry_points(group="hpcampus.mutators")), mistakes]
