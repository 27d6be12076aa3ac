"""Attacks of a neighbour on the same node: another user, who sees the same loopback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from campus_under_test import private_folder
from cryptography import x509
from hpcampus_spawner.dask_settings import CERTIFICATE, dask_environment, ensure_certificate
from hpcampus_spawner.folders import PRIVATE

PROGRAMS = Path(__file__).parent / "programs"
# Numbers that are nobody's: no account is needed to be somebody else.
ADA, BEN = 64001, 64002


@pytest.fixture(scope="module")
def homes() -> Iterator[Path]:
    homes = private_folder()
    yield homes
    shutil.rmtree(homes)


def run_as(uid: int, homes: Path, argv: list[str], **more: str) -> "subprocess.Popen[str]":
    """Start a Python program as that user, with a home of their own."""
    home = homes / str(uid)
    if not home.exists():
        home.mkdir(mode=0o700)
        os.chown(home, uid, uid)
    return subprocess.Popen(
        [sys.executable, *argv],
        user=uid,
        group=uid,
        extra_groups=[],
        cwd=home,
        env={"PATH": os.defpath, "HOME": str(home), **more},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def certificate_of(uid: int, homes: Path) -> Mapping[str, str]:
    """What that user's notebook server prepares; returns the variables of its kernels."""
    home = homes / str(uid)
    code = "from hpcampus_spawner.dask_settings import *; ensure_certificate(Path.home())"
    process = run_as(uid, homes, ["-c", code])
    _, problem = process.communicate(timeout=60)
    assert process.returncode == 0, problem
    return dask_environment(home)


@contextmanager
def cluster_of_ada(homes: Path) -> Iterator[list[str]]:
    """The addresses of scheduler and worker, and the dashboard's port."""
    process = run_as(ADA, homes, [str(PROGRAMS / "a_cluster.py")], **certificate_of(ADA, homes))
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line, process.communicate(timeout=60)[1]
        yield line.split()
    finally:
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.root
def test_nobody_else_on_the_node_uses_a_dask_cluster(homes: Path) -> None:
    """Not without TLS, not with one's own certificate; nor its dashboard, which its owner does see."""
    with cluster_of_ada(homes) as where:
        assert all(address.startswith("tls://") for address in where[:-1])
        tries = [str(PROGRAMS / "a_neighbour.py")]
        ben = certificate_of(BEN, homes)["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]
        process = run_as(BEN, homes, [*tries, ben, *where])
        worked, problem = process.communicate(timeout=120)
        assert (process.returncode, worked) == (0, ""), problem
        ada = certificate_of(ADA, homes)["DASK_DISTRIBUTED__COMM__TLS__CA_FILE"]
        process = run_as(ADA, homes, [*tries, ada, *where])
        worked, problem = process.communicate(timeout=120)
        assert f"client {where[0]}\n" in worked, problem
        assert f"page http://127.0.0.1:{where[-1]}/status\n" in worked


@pytest.mark.root
def test_nobody_else_reads_the_certificates_key(homes: Path) -> None:
    certificate_of(ADA, homes)
    file = homes / str(ADA) / PRIVATE / CERTIFICATE
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    process = run_as(BEN, homes, ["-c", f"open({str(file)!r})"])
    assert "PermissionError" in process.communicate(timeout=60)[1]


def test_without_a_certificate_dask_does_not_start(tmp_path: Path) -> None:
    """A home that is full must not lead to a cluster that anybody can use."""
    environment = {**dask_environment(tmp_path), "PATH": os.defpath, "HOME": str(tmp_path)}
    argv = [sys.executable, str(PROGRAMS / "a_cluster.py")]
    done = subprocess.run(
        argv,
        env=environment,
        cwd=tmp_path,
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert done.stdout == ""


def test_a_node_whose_clock_is_behind_believes_it_too(tmp_path: Path) -> None:
    ensure_certificate(tmp_path)
    found = x509.load_pem_x509_certificate((tmp_path / PRIVATE / CERTIFICATE).read_bytes())
    assert found.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=1)


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    ensure_certificate(tmp_path)
    file = tmp_path / PRIVATE / CERTIFICATE
    before = file.read_bytes()
    ensure_certificate(tmp_path)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [CERTIFICATE]
