"""What documents say is tested is tested: every test that they name exists, and no row goes without one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOT, files

TEST = re.compile(r"\btests/[\w/]+\.py::\w+")
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)
DOCUMENTS = [path for path in files("docs/*.md") if TEST.search(path.read_text(encoding="utf-8"))]
FAULTS = [*range(1, 27), *range(29, 40), 41, 42]
"""The rows of docs/faults.md."""


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def missing(text: str) -> Iterator[str]:
    for named in TEST.findall(text):
        path, _, name = named.partition("::")
        if not (ROOT / path).is_file() or name not in functions(ROOT / path):
            yield named


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(path: Path) -> None:
    assert list(missing(path.read_text(encoding="utf-8"))) == []


def test_a_test_that_is_not_there_is_found() -> None:
    here = "tests/repository/test_named_tests.py"
    names = [
        f"{here}::test_a_test_that_is_not_there_is_found",
        f"{here}::test_nothing",
        "tests/no.py::test_x",
    ]
    assert list(missing(" ".join(names))) == names[1:]


def test_every_fault_has_a_row_and_a_test() -> None:
    rows = dict(ROW.findall((ROOT / "docs" / "faults.md").read_text(encoding="utf-8")))
    assert list(rows) == [str(number) for number in FAULTS]
    assert [number for number, row in rows.items() if not TEST.search(row)] == []


def test_every_fault_test_says_fault_expectation_and_what_is_kept() -> None:
    for path in files("tests/faults/test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = ast.get_docstring(node) or ""
                assert said.startswith("No fault:") or all(
                    word in said for word in ("Fault:", "Expected:", "Kept:")
                ), f"{path.name}::{node.name}"


@pytest.mark.parametrize(("document", "last"), [("comparison.md", 33), ("grading_features.md", 38)])
def test_a_comparison_has_every_row_with_a_verdict_and_a_test(document: str, last: int) -> None:
    rows = dict(ROW.findall((ROOT / "docs" / document).read_text(encoding="utf-8")))
    assert list(rows) == [str(number) for number in range(1, last + 1)]
    verdicts = {number: row.split("|")[1].strip() for number, row in rows.items()}
    assert set(verdicts.values()) <= {"has", "partly", "no"}
    untested = [number for number, row in rows.items() if verdicts[number] != "no" and not TEST.search(row)]
    assert untested == []
    unexplained = [number for number, row in rows.items() if len(row.split("|")[2].strip()) < 15]
    assert unexplained == []
