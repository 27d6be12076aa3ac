"""What the house rules look at: the repository's folders, files, packages and locks."""

import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]

# Each code folder and its import package.
PACKAGES = {
    "spawner": "hpcampus_spawner",
    "courses": "hpcampus_courses",
    "grading": "hpcampus_grading",
    "hub_config": "hpcampus_hub",
    "kernels": "hpcampus_kernels",
}
PYTHONS = ("3.11", "3.12", "3.13")


@cache
def files(pattern: str = "*") -> tuple[Path, ...]:
    """Every file of the repository whose path fits, those that aren't added yet included."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern]
    listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in found if path.is_file())


def toml(path: str) -> dict[str, Any]:
    """A TOML file of the repository."""
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def group(name: str) -> Iterator[Requirement]:
    """What a dependency group asks for, with included groups and without our own packages unpacked."""
    for entry in toml("pyproject.toml")["dependency-groups"][name]:
        if isinstance(entry, dict):
            yield from group(entry["include-group"])
        else:
            yield Requirement(entry)


def third_party(name: str) -> Iterator[Requirement]:
    """What a group asks of other people, by itself or through our own packages."""
    projects = {project["name"]: project for project in map(_project, PACKAGES)}
    waiting, seen = list(group(name)), set()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        if wanted.name not in projects:
            yield wanted
            continue
        project = projects[wanted.name]
        extras = project.get("optional-dependencies", {})
        for text in [*project["dependencies"], *(text for extra in wanted.extras for text in extras[extra])]:
            waiting.append(Requirement(text))


def _project(folder: str) -> dict[str, Any]:
    project: dict[str, Any] = toml(f"{folder}/pyproject.toml")["project"]
    return project


def lock_entries(name: str) -> list[str]:
    """The entries of lock/NAME.txt, each a requirement followed by its hashes."""
    return (ROOT / "lock" / f"{name}.txt").read_text().replace("\\\n", " ").splitlines()


def locked(name: str, python: str) -> dict[str, Version]:
    """The versions that lock/NAME.txt gives that Python, by canonical name."""
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    versions: dict[str, Version] = {}
    for entry in lock_entries(name):
        pin = Requirement(entry.split(" --hash")[0].strip())
        if pin.marker is None or pin.marker.evaluate(environment):
            (exact,) = pin.specifier
            versions[canonicalize_name(pin.name)] = Version(exact.version)
    return versions
