"""What must stand in no file of the repository, whatever its kind.

The words are put together here, so that this file doesn't hold them either.
"""

from collections.abc import Iterator

import pytest
from house import ROOT, files

REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("conda", "anaconda", "org"),
    ]
]
MACHINE_PATHS = [
    "/".join(("", *parts)) for parts in [("work", "main"), ("work", "shared"), ("root", ""), ("opt", "pypi")]
]
# We have a spawner of our own, and want nobody to mistake it for the older project of that name. Benchmarks
# and the texts say what they compare with.
OTHERS = ["batch" + "spawner"]
COMPARED_IN = ("benchmarks/", "docs/")


def holding(word: str) -> Iterator[str]:
    for path in files():
        if word.encode() in path.read_bytes():
            yield str(path.relative_to(ROOT))


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_registry_is_named(host: str) -> None:
    assert list(holding(host)) == []


@pytest.mark.parametrize("path", MACHINE_PATHS)
def test_no_path_of_the_machine_it_was_written_on(path: str) -> None:
    assert list(holding(path)) == []


@pytest.mark.parametrize("word", OTHERS)
def test_nothing_of_the_other_spawner(word: str) -> None:
    assert [path for path in holding(word) if not path.startswith(COMPARED_IN)] == []
