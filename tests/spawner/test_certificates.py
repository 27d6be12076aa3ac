"""Certificates of notebook servers, in handshakes as hub and proxy make them."""

import json
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certipy import Certipy
from cryptography import x509
from hpcampus_spawner.certificates import AUTHORITY, VALID, alt_name, authority
from hpcampus_spawner.network import Direct
from small_hub import SmallHub, starting
from spawning import running, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As JupyterHub makes it, with two authorities and a certificate of the hub's."""
    folder = tmp_path_factory.mktemp("internal-ssl")
    certipy = Certipy(store_dir=str(folder))
    for name in (AUTHORITY, "hub-ca"):
        certipy.create_ca(name)
    certipy.create_signed_pair("hub-internal", "hub-ca", alt_names=["IP:127.0.0.1"])
    return folder


def issued(folder: Path, tmp_path: Path, *names: str) -> tuple[Path, Path]:
    """A certificate and its key as files."""
    pair = authority(str(folder)).issue("0" * 32, names)
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    for file, text in zip(files, (pair["certificate"], pair["key"]), strict=True):
        file.write_text(text)
    return files


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    """One connection, and one byte through it; raises what the client, or else the server, finds wrong."""
    here, there = socket.socketpair()
    problems: list[Exception] = []

    def serve() -> None:
        try:
            with there, server.wrap_socket(there, server_side=True) as safe:
                safe.sendall(b"!")
        except OSError as problem:
            problems.append(problem)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with here, client.wrap_socket(here, server_hostname=host) as safe:
            safe.recv(1)
    finally:
        thread.join(20)
    if problems:
        raise problems[0]


def the_hub(folder: Path) -> ssl.SSLContext:
    """The hub as a client of notebook servers."""
    context = ssl.create_default_context(cafile=str(folder / AUTHORITY / f"{AUTHORITY}.crt"))
    files = folder / "hub-internal" / "hub-internal"
    context.load_cert_chain(f"{files}.crt", f"{files}.key")
    return context


def a_server(folder: Path, pair: tuple[Path, Path], *, believes: str = "hub-ca") -> ssl.SSLContext:
    context = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(folder / believes / f"{believes}.crt")
    )
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*pair)
    return context


@pytest.mark.parametrize("host", ["10.1.2.3", "2001:db8::7", "node7.cluster.example", "campus.example"])
def test_a_server_is_believed_under_its_names(folder: Path, tmp_path: Path, host: str) -> None:
    pair = issued(folder, tmp_path, alt_name(host), "DNS:localhost")
    shake_hands(a_server(folder, pair), the_hub(folder), host)
    shake_hands(a_server(folder, pair), the_hub(folder), "localhost")


@pytest.mark.parametrize("host", ["10.1.2.4", "node8", "node7.cluster.example"])
def test_it_is_not_believed_elsewhere(folder: Path, tmp_path: Path, host: str) -> None:
    """A server on another node, or a certificate that was carried there."""
    pair = issued(folder, tmp_path, alt_name("10.1.2.3"), alt_name("node7"))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"(?i)mismatch"):
        shake_hands(a_server(folder, pair), the_hub(folder), host)


def test_it_opens_nothing_as_a_clients(folder: Path, tmp_path: Path) -> None:
    """Not even where its authority is believed, as at the hub and at the proxy's door for the hub."""
    pair = issued(folder, tmp_path, alt_name("10.1.2.3"))
    learner = ssl.create_default_context(cafile=str(folder / AUTHORITY / f"{AUTHORITY}.crt"))
    learner.load_cert_chain(*pair)
    with pytest.raises(ssl.SSLError, match=r"(?i)purpose|alert|certificate"):
        shake_hands(a_server(folder, pair, believes=AUTHORITY), learner, "10.1.2.3")
    shake_hands(a_server(folder, pair), the_hub(folder), "10.1.2.3")


def test_every_spawn_has_a_key_of_its_own(folder: Path) -> None:
    pairs = [authority(str(folder)).issue("0" * 32, ["DNS:node7"]) for _ in range(2)]
    assert pairs[0]["key"] != pairs[1]["key"]
    assert "PRIVATE" not in pairs[0]["certificate"]


def test_it_outlives_every_job_and_no_authority(folder: Path) -> None:
    pair = authority(str(folder)).issue("0" * 32, ["DNS:node7"])
    certificate = x509.load_pem_x509_certificate(pair["certificate"].encode())
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now - timedelta(hours=23)
    assert now + timedelta(days=59) < certificate.not_valid_after_utc < now + VALID + timedelta(minutes=1)
    assert certificate.not_valid_after_utc <= authority(str(folder)).certificate.not_valid_after_utc


class ThroughAGateway(Direct):
    """A network in which the hub connects to something else than the node."""

    def host(self, node: str) -> str:
        return "gateway"


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


async def test_it_is_made_when_the_job_has_said_where_it_is(hub: SmallHub, folder: Path) -> None:
    """The ticket says whom to believe and holds no key; key and certificate come with the hub's answer."""
    bundle, before = folder / "hub-ca" / "hub-ca.crt", files(folder)
    hub.settings = {
        "internal_ssl": True,
        "internal_certs_location": str(folder),
        "internal_trust_bundles": {AUTHORITY: str(bundle)},
        "trusted_alt_names": ["DNS:campus.example"],
    }
    hub.cluster.network = ThroughAGateway()
    spawner = hub.spawner()
    assert await spawner.create_certs() == {}
    async with starting(spawner) as start:

        async def has_job() -> bool:
            return bool(spawner.job_id)

        await until(has_job, "the job is known")
        ticket = hub.ticket(spawner)
        assert ticket["authorities"] == bundle.read_text()
        assert "PRIVATE" not in json.dumps(ticket)
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        answer = json.loads((await hub.report(spawner.spawn_id, ticket["secret"], {"port": 40000})).body)
        assert answer["environment"]["JUPYTERHUB_SERVICE_URL"].startswith("https://127.0.0.1:40000/")
        assert await start == "https://127.0.0.1:40000"
    assert set(answer["tls"]) == {"key", "certificate"}
    certificate = x509.load_pem_x509_certificate(answer["tls"]["certificate"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["gateway", "campus.example"]
    assert files(folder) == before, "nothing of the learner's stays with the hub"


async def test_where_all_is_plain_there_is_none(hub: SmallHub) -> None:
    spawner = hub.spawner()
    async with starting(spawner):

        async def has_job() -> bool:
            return bool(spawner.job_id)

        await until(has_job, "the job is known")
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        ticket = hub.ticket(spawner)
        answer = json.loads((await hub.report(spawner.spawn_id, ticket["secret"], {"port": 40000})).body)
    assert set(ticket) == {"url", "secret"}
    assert set(answer) == {"environment", "arguments"}
