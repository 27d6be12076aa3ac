"""A login node that the hub reaches through SSH: orders and questions over one connection that is kept.

At the other end is the door (`hpcampus_spawner.door`). No word of a command line here comes from a learner.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from pathlib import Path
from typing import Annotated

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import Field, StringConstraints

from hpcampus_spawner import accounts
from hpcampus_spawner.calls import LONGEST_ANSWER, Answer, Call, NoAnswer, make
from hpcampus_spawner.commands import QUERY_SECONDS
from hpcampus_spawner.models import BadFile, Model
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.ways import LONGEST_ANSWER as LONGEST_ORDER_ANSWER
from hpcampus_spawner.ways import ORDER_SECONDS

SESSIONS = 8
"""At once on one connection: sshd's default for MaxSessions is 10."""
CONNECT_SECONDS = 20
SSH_FAILED = 255
_BACK = 0
"""Stands for the way back, from the login node to the hub, among the ports of this machine."""
_ALIAS = "campus"
# ssh first binds the socket under a longer name, and a Unix socket's path has room for 107 bytes.
_LONGEST_SOCKET = 107 - 17

Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]{0,252}$")]
UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
PlainPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.-]+$")]
Listen = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]{1,5}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$")]

log = logging.getLogger("hpcampus.ssh")

# A configuration of ssh, not HTML: the model lets plain words in only.
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
)


class SshSite(Model):
    """One login node, as the operators describe it. No secret stands here, only where one is."""

    host: Host
    port: int = Field(default=22, ge=1, le=65535)
    user: UnixName
    key: PlainPath = Field(description="The private key's file: the hub's account alone can read it.")
    known_hosts: PlainPath = Field(description="The login node's own keys; no others are believed.")
    hub_url: Url = Field(description="Where the site's jobs reach this hub.")
    listen: Listen | None = Field(
        default=None,
        description="HOST:PORT where the login node listens for the jobs and passes on to the hub.",
    )


class Connection:
    """One connection to one login node; `folder` is private to the hub, `hub` is its own HOST:PORT.

    Its process outlives the hub, so that servers stay reachable while the hub restarts.
    """

    def __init__(self, site: SshSite, folder: Path, hub: str) -> None:
        _check_private(site)
        self._site = site
        self._hub = hub
        self._config, self._socket = folder / "config", folder / "master"
        if len(str(self._socket)) > _LONGEST_SOCKET:
            raise BadFile(
                f"{folder}: too long a path for a socket; choose another folder for the hub's state."
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _templates.get_template("ssh_config.j2").render(ssh=site, alias=_ALIAS, socket=self._socket)
        self._config.write_text(text)
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._opening = asyncio.Lock()
        self._made: tuple[int, int] | None = None
        self._forwards: dict[int, str] = {}
        self._standing: set[int] = set()

    async def say(self, line: str, rest: bytes, seconds: float, most: int) -> Answer:
        """Have the door do one thing; raises `NoAnswer`, after which nobody knows whether it was done."""
        async with self._sessions:
            await self.open()
            answer = await make(self._ssh(stdin=f"{line}\n".encode() + rest), seconds, most)
        if answer.code == SSH_FAILED:
            raise NoAnswer(f"ssh to {self._site.host}: {answer.complaint}")
        return answer

    async def forward(self, port: int, target: str) -> bool:
        """Lead a port of 127.0.0.1 to `node:port` beyond the login node, for as long as it is not taken back.

        False when the port is taken by somebody else. Raises `NoAnswer`.
        """
        await self.open()
        done = await self._control("forward", "-L", f"127.0.0.1:{port}:{target}")
        if done:
            self._forwards[port] = target
            self._standing.add(port)
        return done

    async def take_back(self, port: int) -> None:
        """Close that port; where there is no connection, there is nothing to close."""
        target = self._forwards.pop(port, None)
        self._standing.discard(port)
        if target is not None and self._alive() is not None:
            await self._control("cancel", "-L", f"127.0.0.1:{port}:{target}")

    async def open(self) -> None:
        """Connect, if there is no connection, and make every forward of a connection that is new to us."""
        async with self._opening:
            if self._alive() is None:
                self._socket.unlink(missing_ok=True)
                done = await make(self._ssh("-f", "-N", "-M"), CONNECT_SECONDS)
                if done.code:
                    raise NoAnswer(f"ssh to {self._site.host}: {done.complaint}")
            alive = self._alive()
            if alive != self._made:
                self._made, self._standing = alive, set()
            await self._make_forwards()

    async def _make_forwards(self) -> None:
        """Those that aren't there yet; asking for one that an earlier hub made does no harm."""
        for port, target in list(self._forwards.items()):
            if port not in self._standing and await self._control(
                "forward", "-L", f"127.0.0.1:{port}:{target}"
            ):
                self._standing.add(port)
        listen = self._site.listen
        back = f"{listen}:{self._hub}"
        if listen and _BACK not in self._standing and await self._control("forward", "-R", back):
            self._standing.add(_BACK)

    async def _control(self, verb: str, *words: str) -> bool:
        done = await make(self._ssh("-O", verb, *words), CONNECT_SECONDS)
        if done.code:
            log.warning("ssh to %s: %s %s: %s", self._site.host, verb, " ".join(words), done.complaint)
        return done.code == 0

    def _ssh(self, *options: str, stdin: bytes = b"") -> Call:
        argv = ["ssh", "-T", "-F", str(self._config), *options, _ALIAS]
        return Call(argv, {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}, stdin)

    def _alive(self) -> tuple[int, int] | None:
        """Which connection there is, by its socket; None when nobody listens there."""
        with socket.socket(socket.AF_UNIX) as caller:
            caller.setblocking(False)
            try:
                # A connection that hangs is there all the same: it is ssh that ends it, after a while.
                with contextlib.suppress(BlockingIOError):
                    caller.connect(str(self._socket))
                status = self._socket.stat()
            except OSError:
                return None
        return status.st_ino, status.st_ctime_ns


class Ssh:
    """The way to become a learner there: the door has the rule of sudo."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def check(self, learner: str) -> None:
        """Only the name: which accounts there are is known at the other end."""
        accounts.check_name(learner)

    async def hand_over(self, learner: str, order: bytes) -> Answer:
        """As the door's `as NAME`."""
        self.check(learner)
        return await self._connection.say(f"as {learner}", order, ORDER_SECONDS, LONGEST_ORDER_ANSWER)


class SshCommands:
    """The scheduler's commands, run by the door."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, *argv: str) -> tuple[int, str, str]:
        """As the door's `ask`."""
        question = json.dumps(argv).encode()
        try:
            answer = await self._connection.say("ask", question, QUERY_SECONDS, LONGEST_ANSWER)
        except NoAnswer as problem:
            raise SchedulerError(f"{argv[0]}: {problem}") from None
        return answer.code, answer.out.decode("utf-8", "replace"), answer.complaint


def _check_private(site: SshSite) -> None:
    """Nothing is tried with a key that others can read, or with known hosts that others can write."""
    for path, forbidden in ((Path(site.key), 0o077), (Path(site.known_hosts), 0o022)):
        try:
            status = path.stat()
        except OSError as error:
            raise BadFile(f"{path}: {error.strerror}") from None
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & forbidden:
            raise BadFile(
                f"{path}: other accounts can use or change it. Make it the hub's own, with mode 0400."
            )
