"""Whom the node believes to be the hub: nobody but who has a certificate of the hub's own authority."""

import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from certipy import Certipy
from hpcampus_spawner import node
from hpcampus_spawner.tls import AUTHORITIES, hub_context
from spawning import SECRET


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, and a certificate of the first for this machine."""
    folder = tmp_path_factory.mktemp("internal-ssl")
    certipy = Certipy(store_dir=str(folder))
    for name in ("hub-ca", "other-ca"):
        certipy.create_ca(name)
    certipy.create_signed_pair("hub", "hub-ca", alt_names=["IP:127.0.0.1"])
    return folder


def authority(folder: Path, name: str) -> Path:
    return folder / name / f"{name}.crt"


@dataclass
class SafeHub:
    """A hub that speaks TLS; notes what it was told."""

    url: str = ""
    heard: list[str | None] = field(default_factory=list)


@pytest.fixture
def hub(folder: Path) -> Iterator[SafeHub]:
    hub = SafeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hub.heard.append(self.headers["Authorization"])
            answer = json.dumps({"arguments": ["all is well"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None:
            """Tests' output is for tests."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "hub" / "hub.crt", folder / "hub" / "hub.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # A caller who doesn't believe it hangs up in the middle of the handshake, which is no news here.
    server.handle_error = lambda request, client: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"https://127.0.0.1:{server.server_port}/report"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_report_goes_to_the_hub_that_the_ticket_vouches_for(hub: SafeHub, folder: Path) -> None:
    ticket = node.Ticket(hub.url, SECRET, authority(folder, "hub-ca").read_text())
    assert node.report(ticket, 40000) == {"arguments": ["all is well"]}
    assert hub.heard == [f"Bearer {SECRET}"]


@pytest.mark.parametrize("other", ["other-ca", None])
def test_nobody_else_hears_the_secret(
    hub: SafeHub, folder: Path, monkeypatch: pytest.MonkeyPatch, other: str | None
) -> None:
    monkeypatch.setattr(node, "REPORT_SECONDS", 0)
    believed = authority(folder, other).read_text() if other else None
    with pytest.raises(node.Stop, match="CERTIFICATE_VERIFY_FAILED"):
        node.report(node.Ticket(hub.url, SECRET, believed), 40000)
    assert hub.heard == []


def test_the_hub_under_another_name_hears_nothing_either(
    hub: SafeHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "REPORT_SECONDS", 0)
    url = hub.url.replace("127.0.0.1", "localhost")
    with pytest.raises(node.Stop, match=r"(?i)hostname mismatch"):
        node.report(node.Ticket(url, SECRET, authority(folder, "hub-ca").read_text()), 40000)
    assert hub.heard == []


def test_the_server_and_its_extensions_believe_what_the_wrapper_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(AUTHORITIES, raising=False)
    assert hub_context() is None
    monkeypatch.setenv(AUTHORITIES, str(authority(folder, "hub-ca")))
    context = hub_context()
    assert context is not None
    assert context.check_hostname
    names = [dict(part[0] for part in ca["subject"]).get("commonName") for ca in context.get_ca_certs()]
    assert "hub-ca" in names
    assert "other-ca" not in names
