"""How long comparing a class takes: 300 submissions with 10 exercises each, of which five are copies.

`python benchmarks/similarity.py`: no root, and no exchange: from the files to the page. Answers are programs
of chance with 30 lines; a copy has every variable renamed. Fails if a copy isn't among the pairs, if another
pair is, or if it takes a minute.
"""

import random
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from hpcampus_grading.clock import utc_now
from hpcampus_grading.similarity.comparing import compare
from hpcampus_grading.similarity.report import as_page
from hpcampus_grading.similarity.works import given_in, work_in
from nbformat.v4 import new_code_cell, new_notebook
from outcome import table, write

LEARNERS, EXERCISES, LINES, COPIES = 300, 10, 30, 5
MOST_SECONDS = 60.0


def answer(chance: random.Random, exercise: int) -> str:
    """A function of chance."""
    lines = [f"def exercise{exercise}(x):  # by chance"]
    for _ in range(LINES):
        one, other = chance.choice("+-*/%"), chance.choice("+-*/%")
        call = chance.choice(["abs", "min", "max", "len", "sum", "round"])
        part = chance.choice(["x[0]", "x", f"{call}(x)", "x.shape", "x.T"])
        lines.append(f"    x {one}= {part} {other} {call}(x)")
    return "\n".join([*lines, "    return x"])


def renamed(source: str) -> str:
    """The same, made to look different."""
    return source.replace("x", "value").replace("mavalue", "max").replace("evalueercise", "exercise")


def save(folder: Path, answers: list[str]) -> Path:
    """A submission."""
    folder.mkdir()
    cells = [
        new_code_cell(text, metadata={"nbgrader": {"grade_id": f"e{n}"}}) for n, text in enumerate(answers)
    ]
    nbformat.write(new_notebook(cells=cells), folder / "lesson.ipynb")
    return folder


def main() -> int:
    """Make a class, compare it, print and write."""
    chance = random.Random(20)
    answers = [[answer(chance, exercise) for exercise in range(EXERCISES)] for _ in range(LEARNERS - COPIES)]
    answers += [[renamed(text) for text in answers[number]] for number in range(COPIES)]
    with tempfile.TemporaryDirectory() as place:
        given = given_in(save(Path(place, "given"), [f"def exercise{n}(x):" for n in range(EXERCISES)]))
        folders = [save(Path(place, str(number)), one) for number, one in enumerate(answers)]
        began = time.perf_counter()
        works = [work_in(folder, folder.name, given) for folder in folders]
        read = time.perf_counter()
        found = compare(works, given, 0.4)
        compared = time.perf_counter()
        page = as_page(found, "benchmark", "lesson", utc_now())
        ended = time.perf_counter()
    rows = [
        {
            "submissions": LEARNERS,
            "tokens each": sum(work.size for work in works) // LEARNERS,
            "read s": read - began,
            "compare s": compared - read,
            "page s": ended - compared,
            "all s": ended - began,
            "page KiB": len(page) >> 10,
        }
    ]
    table(rows)
    expected = {(str(number), str(LEARNERS - COPIES + number)) for number in range(COPIES)}
    right = {pair.learners for pair in found.pairs} == expected
    print(
        "The copies were found, and nothing else." if right else f"Wrong: {[p.learners for p in found.pairs]}"
    )
    write("similarity", rows, "pygments")
    return int(not right or ended - began >= MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
