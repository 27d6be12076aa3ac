"""Archives: the same files give the same bytes, and an enemy's zip gets a sentence instead of a place."""

import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from hpcampus_grading.archive import BadArchive, Limits, TooLarge, files_to_pack, inspect, pack, unpack
from hpcampus_grading.notebooks import BadNotebook
from hypothesis import given
from hypothesis import strategies as st

Write = Callable[[zipfile.ZipFile], None]


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Make a zip and inspect it."""

    def made(write: Write, **limits: int) -> tuple[str, ...]:
        path = tmp_path / "made.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            write(archive)
        return tuple(entry.path for entry in inspect(path, Limits(**limits)))

    return made


def entry(name: str, mode: int = stat.S_IFREG | 0o644, content: bytes = b"x") -> Write:
    """Writes one member."""

    def write(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)

    return write


def names(*wanted: str) -> Write:
    """Writes several members."""

    def write(archive: zipfile.ZipFile) -> None:
        for name in wanted:
            archive.writestr(name, b"x")

    return write


def test_packing_is_deterministic_and_leaves_out_what_is_not_work(tmp_path: Path) -> None:
    packed = []
    for place in ("one", "two"):
        folder = tmp_path / place
        for name in ("b.txt", "a/c.txt", ".ipynb_checkpoints/x.ipynb", "feedback/f.html", "receipts/r.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
        (folder / "link").symlink_to("/etc/passwd")
        os.mkfifo(folder / "pipe")
        os.utime(folder / "b.txt", (len(place), 0))
        (folder / "b.txt").chmod(0o600 if place == "one" else 0o755)
        target = io.BytesIO()
        pack(folder, target)
        packed.append(target.getvalue())
    assert packed[0] == packed[1]
    assert zipfile.ZipFile(io.BytesIO(packed[0])).namelist() == ["a/c.txt", "b.txt"]
    assert [path.name for path in files_to_pack(tmp_path / "one", ["*.txt"], ())] == [
        "x.ipynb",
        "f.html",
        "r.json",
    ]


def test_unpacking_gives_the_files_back(tmp_path: Path) -> None:
    (tmp_path / "in" / "data").mkdir(parents=True)
    (tmp_path / "in" / "data" / "größe.txt").write_text("ü")
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "in" / "n.ipynb")
    with (tmp_path / "made.zip").open("wb") as file:
        pack(tmp_path / "in", file)
    entries = unpack(tmp_path / "made.zip", tmp_path / "out", Limits())
    assert [entry.path for entry in entries] == ["data/größe.txt", "n.ipynb"]
    assert (tmp_path / "out/data/größe.txt").read_text() == "ü"


BAD_NAMES = ("/etc/passwd", "../up", "a/../b", "a//b", "./a", "a/.", "a\\b", " a", "a ", "a\nb", "a\x1bb")


@pytest.mark.parametrize("name", [*BAD_NAMES, "\u202ea", "x" * 600, "/".join("a" * 20)])
def test_names_that_lead_elsewhere(check: Callable[..., object], name: str) -> None:
    with pytest.raises(BadArchive, match="can't be used as a file name"):
        check(entry(name))


def test_a_name_that_hides_behind_nul(check: Callable[..., object], tmp_path: Path) -> None:
    check(entry("good.pyXevil"))
    path = tmp_path / "made.zip"
    path.write_bytes(path.read_bytes().replace(b"good.pyXevil", b"good.py\0evil"))
    with pytest.raises(BadArchive):
        inspect(path, Limits())


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
)
def test_what_is_not_a_regular_file(check: Callable[..., object], kind: int) -> None:
    with pytest.raises(BadArchive, match="not a regular file"):
        check(entry("link", kind | 0o777, b"/etc/passwd"))


def test_names_that_collide(check: Callable[..., object]) -> None:
    for pair in (("a.txt", "A.txt"), ("é", "e\u0301"), ("straße", "strasse")):
        with pytest.raises(BadArchive, match="differ in nothing or in case only"):
            check(names(*pair))
    with pytest.raises(BadArchive, match="itself a file"):
        check(names("a", "a/b"))


def test_more_than_the_limits(check: Callable[..., object]) -> None:
    with pytest.raises(TooLarge, match="10 are allowed"):
        check(names(*(f"{n}" for n in range(11))), files=10)
    with pytest.raises(TooLarge, match="too large once unpacked"):
        check(entry("bomb", content=bytes(1 << 20)), unpacked=1 << 19)
    with pytest.raises(TooLarge, match="too large once unpacked"):
        check(entry("big.ipynb", content=bytes(1 << 20)), notebook=1 << 19)
    assert check(names(*(f"{n}" for n in range(10))), files=10)


def test_a_size_that_lies(check: Callable[..., object], tmp_path: Path) -> None:
    check(entry("bomb", content=bytes(1 << 20)))
    path = tmp_path / "made.zip"
    path.write_bytes(path.read_bytes().replace((1 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(BadArchive):
        inspect(path, Limits())


def test_a_hundred_thousand_files_are_refused_by_their_table(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(65_600):
            archive.writestr(str(number), b"")
    with pytest.raises(BadArchive, match="more than 4 GiB"):
        inspect(path, Limits())


def test_a_notebook_inside_must_be_one(check: Callable[..., object]) -> None:
    with pytest.raises(BadNotebook, match=r"deep/n\.ipynb is not a notebook"):
        check(entry("deep/n.ipynb", content=b"not JSON"))
    many = b'{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[%b]}'
    cell = b'{"cell_type":"raw","metadata":{},"source":""}'
    assert check(entry("n.ipynb", content=many % cell))
    with pytest.raises(BadNotebook):
        check(entry("n.ipynb", content=many % b",".join([cell] * 5001)))


def test_encrypted_or_foreign_compression(check: Callable[..., object], tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="use deflate"):
        check(lambda archive: archive.writestr("a", b"x", zipfile.ZIP_BZIP2))


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: b"PK\x05\x06" + tail))
def test_noise_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.zip"
    path.write_bytes(noise)
    try:
        assert inspect(path, Limits()) == ()
    except BadArchive as error:
        assert "zip file" in str(error)  # noqa: PT017 (both answers are fine)


@given(st.data())
def test_a_damaged_zip_never_passes_for_another(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"some content that matters")
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        entries = inspect(path, Limits())
    except BadArchive:
        return
    assert all(entry.size == 25 for entry in entries)
