"""What the hub says of a token is believed for some seconds; where it says nothing, nobody is let in."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from certipy import Certipy
from hpcampus_grading.service.hub_api import HubApi, HubIsAway

from tests.grading.conftest import ACCESS, SERVICE_TOKEN, StubHub

ADA = {"kind": "user", "name": "ada", "scopes": [ACCESS]}
Answer = tuple[int, dict[str, str], bytes]


class Pretender:
    """A hub that answers as it is told."""

    def __init__(self) -> None:
        self.answer: Answer = (200, {}, json.dumps(ADA).encode())
        self.asked = 0
        self.url = ""


@contextmanager
def pretending(tls: ssl.SSLContext | None = None) -> Iterator[Pretender]:
    """While it listens."""
    found = Pretender()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            code, headers, body = found.answer
            self.send_response(code)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """Whom TLS turned away is not worth a traceback."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        found.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hub/api"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def pretender() -> Iterator[Pretender]:
    with pretending() as found:
        yield found


async def test_an_answer_is_remembered_for_each_token(hub: StubHub) -> None:
    api = HubApi(hub.url, SERVICE_TOKEN, keep_seconds=600)
    ada, ben = hub.add("ada"), hub.add("ben")
    names = [(await api.whose(token) or {}).get("name") for token in (ada, ben, ada)]
    assert (names, hub.asked) == (["ada", "ben", "ada"], [ada, ben])


async def test_nothing_is_remembered_for_longer(hub: StubHub) -> None:
    api = HubApi(hub.url, SERVICE_TOKEN, keep_seconds=0)
    token = hub.add("ada")
    assert await api.whose(token) is not None
    del hub.users[token]
    assert await api.whose(token) is None


async def test_that_a_token_is_unknown_is_not_remembered(hub: StubHub) -> None:
    api = HubApi(hub.url, SERVICE_TOKEN, keep_seconds=600)
    assert await api.whose("token-of-ada-0") is None
    token = hub.add("ada")
    assert (token, await api.whose(token) is None) == ("token-of-ada-0", False)


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"{}"),
        (401, {}, b"{}"),
        (404, {}, b"{}"),
        (302, {"Location": "/elsewhere"}, json.dumps(ADA).encode()),
        (204, {}, b""),
        (200, {}, b"<html>Log in</html>"),
        (200, {}, b"[]"),
    ],
)
async def test_nobody_is_let_in_by_an_answer_that_is_none(pretender: Pretender, answer: Answer) -> None:
    pretender.answer = answer
    api = HubApi(pretender.url, SERVICE_TOKEN, keep_seconds=600)
    for _ in range(2):
        with pytest.raises(HubIsAway):
            await api.whose("token")
    assert pretender.asked == 2


async def test_nobody_is_let_in_by_a_hub_that_is_gone() -> None:
    api = HubApi("http://127.0.0.1:1/hub/api", "the-secret", keep_seconds=600)
    with pytest.raises(HubIsAway) as found:
        await api.whose("their-secret")
    with pytest.raises(HubIsAway):
        api.members("sums")
    assert "secret" not in str(found.value)


def test_a_group_that_nobody_made_has_no_members(hub: StubHub) -> None:
    api = HubApi(hub.url, SERVICE_TOKEN, keep_seconds=5)
    hub.groups["sums"] = ["ben", "ada"]
    assert (api.members("sums"), api.members("a/b")) == (("ada", "ben"), ())


async def test_tls_within_the_hub_goes_by_its_certificates(tmp_path: Path) -> None:
    """As JupyterHub names them to its services where `internal_ssl` is on."""
    certipy = Certipy(store_dir=str(tmp_path))
    certipy.create_ca("hub-ca")
    files = {}
    for name in ("hub", "services"):
        certipy.create_signed_pair(name, "hub-ca", alt_names=["IP:127.0.0.1"])
        files[name] = [str(tmp_path / name / f"{name}.{part}") for part in ("crt", "key")]
    authority = str(tmp_path / "hub-ca" / "hub-ca.crt")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.load_cert_chain(*files["hub"])
    context.verify_mode = ssl.CERT_REQUIRED
    with pretending(context) as pretender:
        own = dict(zip(("JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_KEYFILE"), files["services"], strict=True))
        known = {**own, "JUPYTERHUB_SSL_CLIENT_CA": authority}
        assert await HubApi(pretender.url, SERVICE_TOKEN, 5, known).whose("token") == ADA
        for lacking in (own, {"JUPYTERHUB_SSL_CLIENT_CA": authority}):
            with pytest.raises(HubIsAway):
                await HubApi(pretender.url, SERVICE_TOKEN, 5, lacking).whose("token")
