"""JupyterHub's own `HubAuth` before a hub that is there, in trouble, gone, or says no."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hpcampus_spawner import hub_away
from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError

ADA = {"name": "ada", "scopes": ["access:servers!user=ada"]}


@dataclass
class PretendHub:
    """Knows some tokens, as long as it is there."""

    status: int = 200
    users: dict[str, Any] = field(default_factory=lambda: {"of-ada": ADA})
    server: ThreadingHTTPServer | None = None

    def leave(self) -> None:
        """Be gone."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture
def hub() -> Iterator[PretendHub]:
    hub = PretendHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = hub.users.get(self.headers["Authorization"].removeprefix("token "))
            status = hub.status if user or hub.status != 200 else 403
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(user or {"message": "no"}).encode())

        def log_message(self, *args: object) -> None:
            """Tests' output is for tests."""

    hub.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield hub
    hub.leave()


@pytest.fixture
def auth(hub: PretendHub) -> HubAuth:
    assert hub.server is not None
    auth = HubAuth(api_url=f"http://127.0.0.1:{hub.server.server_port}/hub/api", api_token="of-the-server")
    # What the hub said is too old at once.
    auth.cache.max_age = 1e-9
    hub_away.bridge(auth, logging.getLogger("test"))
    return auth


async def who(auth: HubAuth, token: str = "of-ada") -> Any:
    return await auth.user_for_token(token, sync=False)


async def test_a_hub_that_is_there_is_believed(auth: HubAuth, hub: PretendHub) -> None:
    assert await who(auth) == ADA
    assert await who(auth, "of-nobody") is None
    hub.users = {}
    assert await who(auth) is None


async def test_a_hub_that_is_gone_is_answered_for(auth: HubAuth, hub: PretendHub) -> None:
    assert await who(auth) == ADA
    hub.leave()
    assert await who(auth) == ADA
    with pytest.raises(HTTPError):
        await who(auth, "of-nobody")


async def test_a_hub_in_trouble_is_answered_for(auth: HubAuth, hub: PretendHub) -> None:
    assert await who(auth) == ADA
    hub.status = 503
    assert await who(auth) == ADA
    with pytest.raises(HTTPError):
        await who(auth, "of-ben")


async def test_whom_the_hub_refused_stays_out_while_it_is_gone(auth: HubAuth, hub: PretendHub) -> None:
    assert await who(auth) == ADA
    hub.users = {}
    assert await who(auth) is None
    hub.leave()
    with pytest.raises(HTTPError):
        await who(auth)


async def test_a_hub_that_refuses_the_question_is_not_away(auth: HubAuth, hub: PretendHub) -> None:
    assert await who(auth) == ADA
    hub.status = 404
    with pytest.raises(HTTPError):
        await who(auth)
