"""Servers behind a login node: the way in, for the hub that started them and for the next one."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hpcampus_spawner import network
from hpcampus_spawner.network import Tunnel
from hpcampus_spawner.scheduler import SchedulerError
from hpcampus_spawner.spawner import BatchSpawner
from hpcampus_spawner.ssh import Connection
from small_hub import SmallHub, starting
from spawning import FakeSlurm, running, until

HUB_URL = "http://login1:8123"


@dataclass
class ScriptedNetwork:
    """Leads to every server through one port of this machine; notes what was asked."""

    hub_url: str | None = HUB_URL
    lasting: bool = False
    silent: bool = False
    asked: list[tuple[str, int, int | None]] = field(default_factory=list)
    forgotten: list[tuple[str, int]] = field(default_factory=list)

    def host(self, node: str) -> str:
        return "127.0.0.1"

    async def way_to(self, node: str, port: int, before: int | None = None) -> tuple[str, int]:
        self.asked.append((node, port, before))
        if self.silent:
            raise SchedulerError("no way")
        return "127.0.0.1", 20001

    def forget(self, node: str, port: int) -> None:
        self.forgotten.append((node, port))


@pytest.fixture
def way(hub: SmallHub) -> ScriptedNetwork:
    """The hub's network, which a restart of the hub leaves as it is."""
    way = ScriptedNetwork()
    hub.network = way
    hub.cluster.network = way
    return way


async def start_up(hub: SmallHub, spawner: BatchSpawner) -> str:
    async with starting(spawner) as start:

        async def has_job() -> bool:
            return bool(spawner.job_id)

        await until(has_job, "the job is known")
        hub.scheduler.known[spawner.job_id] = running(spawner.job_id)
        answer = await hub.report(spawner.spawn_id, hub.ticket(spawner)["secret"], {"port": 40000})
        assert answer.code == 200
        environment = json.loads(answer.body)["environment"]
        assert environment["JUPYTERHUB_API_URL"] == f"{HUB_URL}/hub/api"
        assert ":40000/" in environment["JUPYTERHUB_SERVICE_URL"]
        return await start


async def test_hub_and_server_find_each_other_through_the_login_node(
    hub: SmallHub, way: ScriptedNetwork
) -> None:
    spawner = hub.spawner()
    assert await start_up(hub, spawner) == "http://127.0.0.1:20001"
    assert hub.ticket(spawner)["url"].startswith(f"{HUB_URL}/hub/api/campus/spawns/")
    assert way.asked == [("127.0.0.1", 40000, None)]
    spawner.clear_state()
    assert way.forgotten == [("127.0.0.1", 40000)]


async def test_the_next_hub_makes_the_same_way_and_waits_for_it(hub: SmallHub, way: ScriptedNetwork) -> None:
    before = hub.spawner()
    await start_up(hub, before)
    state = before.get_state()
    await hub.restart()
    after = hub.spawner()
    after.load_state(state)
    hub.finish(after, port=20001)
    way.silent = True
    assert await after.poll() is None

    asked = len(way.asked)

    async def asked_again() -> bool:
        return len(way.asked) > asked + 2

    url = asyncio.create_task(after.get_url())
    await until(asked_again, "the hub insists")
    assert not url.done()
    way.silent = False
    assert await url == "http://127.0.0.1:20001/user/ada/"
    assert way.asked[-1] == ("127.0.0.1", 40000, 20001)


@contextmanager
def a_connection_to(folder: Path) -> Iterator[None]:
    """Something listens where ssh's own process would."""
    path = folder / "master"
    with socket.socket(socket.AF_UNIX) as master:
        master.bind(str(path))
        master.listen()
        yield
    path.unlink()


async def test_ports_are_led_again_by_the_next_connection(
    connection: Connection, ssh: FakeSlurm, tmp_path: Path
) -> None:
    tunnel = Tunnel(connection, HUB_URL)
    with a_connection_to(tmp_path / "state"):
        host, port = await tunnel.way_to("n1", 8888)
        words = ["-O", "forward", "-L", f"127.0.0.1:{port}:n1:8888", "campus"]
        assert (host, ssh.argv("ssh")[3:]) == ("127.0.0.1", words)
        assert await tunnel.way_to("n1", 8888) == (host, port)
        await connection.open()
        assert ssh.calls("ssh") == 1
    (ssh.folder / "ssh.argv").unlink()
    with a_connection_to(tmp_path / "state"):
        await connection.open()
        assert ssh.argv("ssh")[3:] == words
        tunnel.forget("n1", 8888)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        assert ssh.argv("ssh")[3:] == ["-O", "cancel", *words[2:]]


async def test_a_port_that_is_taken_is_left_alone(
    connection: Connection, ssh: FakeSlurm, tmp_path: Path
) -> None:
    ssh.answer("ssh", err="mux_client_forward: forwarding request failed", code=255)
    with a_connection_to(tmp_path / "state"), pytest.raises(SchedulerError, match="n1:8888"):
        await Tunnel(connection, HUB_URL).way_to("n1", 8888, before=20001)
    assert ssh.calls("ssh") == network.TRIES + 1


def test_what_a_login_node_starts_for_every_order_is_small() -> None:
    """The door and the launcher start often: nothing but the standard library may come with them."""
    program = "import sys, hpcampus_spawner.door, hpcampus_spawner.launcher; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert not {"pydantic", "jinja2", "asyncio", "tornado", "jupyterhub"} & set(done.stdout.split())
