"""Each code folder builds a wheel that holds its own package and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import PACKAGES, ROOT, files


@pytest.mark.parametrize(("folder", "package"), PACKAGES.items())
def test_wheel_holds_one_package(folder: str, package: str, tmp_path: Path) -> None:
    names = build(folder, tmp_path)
    sources = {str(path.relative_to(ROOT / folder)) for path in files(f"{folder}/{package}/*")}
    assert f"{package}/py.typed" in names
    assert {name for name in names if name.startswith(f"{package}/")} == sources
    beside = {name.partition("/")[0] for name in names} - {package}
    assert {name.rpartition(".")[2] for name in beside} <= {"dist-info", "data"}
    assert all(name.startswith(f"{package}-") for name in beside)


def build(folder: str, tmp_path: Path) -> set[str]:
    """The names in the wheel of a copy of that folder; built with the installed hatchling, offline."""
    source = tmp_path / folder
    for path in files(f"{folder}/*"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(argv, cwd=source, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}
