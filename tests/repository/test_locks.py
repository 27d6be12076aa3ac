"""The files of lock/ give every group what it asks for, pinned by hash, and keep the two sides apart."""

import re

import pytest
from house import PYTHONS, lock_entries, locked, third_party
from packaging.utils import canonicalize_name

GROUPS = ("hub", "compute", "dev", "node", "tools")
NOT_ON_THE_HUB = {"numpy", "numba", "numba-cuda", "cuda-bindings", "pandas", "dask", "jupyterlab"}
NOT_ON_A_COMPUTE_NODE = {"psycopg", "psycopg-binary", "oauthenticator"}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", GROUPS)
def test_every_requirement_is_locked_within_its_range(name: str, python: str) -> None:
    versions = locked(name, python)
    wanted = list(third_party(name))
    assert wanted
    missing = [
        str(requirement)
        for requirement in wanted
        if not (version := versions.get(canonicalize_name(requirement.name)))
        or not requirement.specifier.contains(version, prereleases=True)
    ]
    assert missing == [], f"lock/{name}.txt is out of date: run make lock"


@pytest.mark.parametrize("name", GROUPS)
def test_every_entry_is_one_version_with_hashes(name: str) -> None:
    pinned = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+( ; [^-]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in lock_entries(name) if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_hub_and_compute_nodes_stay_apart(python: str) -> None:
    assert NOT_ON_THE_HUB & locked("hub", python).keys() == set()
    assert NOT_ON_A_COMPUTE_NODE & locked("compute", python).keys() == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_all_groups_agree_on_versions(python: str) -> None:
    everything = locked("dev", python)
    for name in ("hub", "compute"):
        assert locked(name, python).items() <= everything.items()
