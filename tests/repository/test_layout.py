"""Small files, small functions, and no folder that pretends to be a package."""

import ast
from pathlib import Path

import pytest
from house import PACKAGES, ROOT, files

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# `kernels` and `spawner` are other people's packages: as packages, ours would hide theirs.
NO_PACKAGES = ("hub_config", "courses", "notebooks", "kernels", "spawner", "grading", "tests")
SOURCES = [path for folder in PACKAGES for path in files(f"{folder}/*.py")]


@pytest.mark.parametrize("folder", NO_PACKAGES)
def test_a_folder_is_no_package(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []
