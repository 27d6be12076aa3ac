"""Somebody's notebook server as JupyterLab uses it: files, a kernel, and an open page that saves in time."""

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import requests
from campus_under_test import Somebody
from hpcampus_spawner.server_extension import ENDS_SOON
from tornado.httpclient import HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, websocket_connect


class Lab:
    """One running server; every call carries a token, by default one of its owner's."""

    def __init__(self, person: Somebody, server: str, token: str = "") -> None:
        self._url = f"{person.url}/user/{person.name}/{server}".rstrip("/")
        self._headers = {"Authorization": f"token {token or _token(person)}"}

    def call(self, method: str, path: str, **how: Any) -> requests.Response:
        """A call of the server's API."""
        url = f"{self._url}/api/{path}"
        return requests.request(method, url, headers=self._headers, timeout=60, **how)

    def save(self, path: str, text: str) -> requests.Response:
        """Save a file, as the editor does."""
        model = {"type": "file", "format": "text", "content": text}
        return self.call("PUT", f"contents/{path}", json=model)

    def saved(self, path: str) -> str:
        """What stands in the file."""
        answer = self.call("GET", f"contents/{path}", params={"content": "1"})
        assert answer.ok, answer.text
        return str(answer.json()["content"])

    def kernel(self) -> "Kernel":
        """A new kernel."""
        answer = self.call("POST", "kernels", json={"name": "python3"})
        assert answer.ok, answer.text
        return Kernel(self, str(answer.json()["id"]))

    async def connect(self, path: str) -> WebSocketClientConnection:
        """A websocket of the server's API; as a page does, it is tried again when it is cut at once."""
        url = f"{self._url.replace('http', 'ws', 1)}/api/{path}"
        with suppress(StreamClosedError):
            return await websocket_connect(HTTPRequest(url, headers=self._headers))
        return await websocket_connect(HTTPRequest(url, headers=self._headers))

    @contextmanager
    def page(self, path: str, unsaved: str) -> Iterator[threading.Event]:
        """A page with that text typed and not saved; it saves when it is told that the end is near.

        The event is set when it has been told and has saved.
        """
        opened, saved = threading.Event(), threading.Event()
        close: list[Callable[[], object]] = []

        async def live() -> None:
            channel, loop = await self.connect("events/subscribe"), asyncio.get_running_loop()
            close.append(partial(loop.call_soon_threadsafe, channel.close))
            opened.set()
            while (message := await channel.read_message()) is not None:
                if json.loads(message).get("schema_id") == ENDS_SOON and self.save(path, unsaved).ok:
                    saved.set()
            channel.close()

        # What every page asks first: how much time is left.
        asked = requests.get(f"{self._url}/campus/time", headers=self._headers, timeout=60)
        assert asked.ok, asked.text
        thread = threading.Thread(target=asyncio.run, args=(live(),))
        thread.start()
        try:
            assert opened.wait(60), "the page doesn't open"
            yield saved
        finally:
            # A server that has ended has closed the page's connection by itself.
            with suppress(RuntimeError):
                close[0]()
            thread.join(60)


def _token(person: Somebody) -> str:
    """A new token that may do all that this person may."""
    answer = person.api("POST", f"users/{person.name}/tokens", json={})
    assert answer.ok, answer.text
    return str(answer.json()["token"])


async def _close(channel: WebSocketClientConnection) -> None:
    """Close it and wait for that."""
    channel.close()
    while await channel.read_message() is not None:
        pass


class Kernel:
    """A kernel that remembers something, so that another one in its place would be noticed."""

    def __init__(self, lab: Lab, kernel_id: str) -> None:
        self._lab, self._id = lab, kernel_id
        self._mark = uuid.uuid4().hex
        self.run(f"import os\nmark = {self._mark!r}")
        self._before = self.state()

    def state(self) -> str:
        """What only this very process can say."""
        return self.run("print(mark, os.getpid())")

    def is_kept(self) -> None:
        """I7: it is the same process, and it has forgotten nothing."""
        assert self.state() == self._before

    def run(self, code: str) -> str:
        """Run a cell and return what it printed; fails when it raises."""
        return asyncio.run(asyncio.wait_for(self._run(code), 60))

    def start(self, code: str) -> None:
        """Run a cell without waiting for its end."""

        async def start() -> None:
            channel, _ = await self._start(code)
            await _close(channel)

        asyncio.run(start())

    async def _start(self, code: str) -> tuple[WebSocketClientConnection, str]:
        channel = await self._lab.connect(f"kernels/{self._id}/channels")
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": "", "session": number, "date": ""}
        content = {"code": code, "silent": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await channel.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
        return channel, number

    async def _run(self, code: str) -> str:
        channel, number = await self._start(code)
        printed = ""
        while True:
            text = await channel.read_message()
            assert text is not None, "the kernel's channel was closed"
            message: dict[str, Any] = json.loads(text)
            if message["parent_header"].get("msg_id") != number:
                continue
            content, kind = message["content"], message["msg_type"]
            assert kind != "error", content
            if kind == "stream":
                printed += content["text"]
            if kind == "status" and content["execution_state"] == "idle":
                await _close(channel)
                return printed.strip()
