"""Imports go one way, hub to grading to courses to spawner, and kernels stand alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import PACKAGES, files, toml

ALLOWED = {
    "hpcampus_hub": {"hpcampus_grading", "hpcampus_courses", "hpcampus_spawner"},
    "hpcampus_grading": {"hpcampus_courses", "hpcampus_spawner"},
    "hpcampus_courses": {"hpcampus_spawner"},
    "hpcampus_spawner": set(),
    "hpcampus_kernels": set(),
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items())
def test_a_package_imports_only_those_below_it(folder: str, package: str) -> None:
    sources = files(f"{folder}/{package}/*.py")
    assert sources
    forbidden = set(ALLOWED) - ALLOWED[package] - {package}
    wrong = [
        f"{path}: {name}"
        for path in sources
        for name in imported(path)
        if name.partition(".")[0] in forbidden
    ]
    assert wrong == []


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items())
def test_a_package_declares_what_it_imports_of_ours(folder: str, package: str) -> None:
    used = {name.partition(".")[0] for path in files(f"{folder}/{package}/*.py") for name in imported(path)}
    ours = {name.replace("_", "-") for name in used & set(ALLOWED) - {package}}
    declared = set(toml(f"{folder}/pyproject.toml")["project"]["dependencies"])
    assert ours <= declared
