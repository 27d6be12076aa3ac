"""The exchange is several processes: when one is killed, nobody waits for another to start."""

import http.client
import os
import select
import signal
import subprocess
import sys
from contextlib import closing
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from campus_under_test import wait_for
from exchange_process import start_exchange
from hpcampus_grading.service.pair import PROCESSES

from tests.grading.conftest import Service, StubHub, who_serves
from tests.grading.test_service import SUBMIT, answer

UVICORNS_OWN_SECONDS = 5


@pytest.fixture
def ada(hub: StubHub) -> str:
    return hub.add("ada", "sums")


def serving(service: Service) -> set[int]:
    """Who answers for the exchange."""
    return who_serves(int(urlsplit(service.url).port or 0))


def all_there(service: Service) -> set[int]:
    """Who answers, once all of them do."""
    return wait_for(lambda: found if len(found := serving(service)) == PROCESSES else None, "all serve")


def submitted(service: Service, token: str, text: str) -> bool:
    """Hand in, and once more where the connection was one to somebody who died just then, as clients do."""

    def once() -> bool:
        try:
            return service.request("POST", SUBMIT, token, data=answer(text)).ok
        except requests.ConnectionError:
            return False

    return once() or once()


def test_another_takes_over_from_one_that_is_killed(service: Service, ada: str) -> None:
    for number in range(PROCESSES):
        killed = min(all_there(service))
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda gone=killed: gone not in serving(service), "it is gone")
        assert submitted(service, ada, f"attempt {number}")
    assert killed not in all_there(service)
    assert len(service.request("GET", "submissions", ada).json()) == PROCESSES


def test_without_the_one_that_started_them_they_go_on_until_a_successor_is_there(
    service: Service, ada: str
) -> None:
    before = all_there(service)
    os.kill(service.pid, signal.SIGKILL)
    assert submitted(service, ada, "orphaned")
    successor = start_exchange(dict(service.environment), service.log.parent, service.log)
    try:
        wait_for(lambda: len(serving(service)) == 2 * PROCESSES, "old and new serve together")
        for process in before:
            os.kill(process, signal.SIGTERM)  # as they do themselves after a while
        wait_for(lambda: serving(service).isdisjoint(before), "only the new ones serve")
        (found,) = service.request("GET", "submissions", ada).json()
        assert found["receipt"]["attempt"] == 1
    finally:
        successor.terminate()
        successor.join(10)


def test_a_hub_that_is_killed_while_it_starts_leaves_nothing_behind(service: Service) -> None:
    program = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); input()"
    command = [sys.executable, "-c", program, sys.executable, "-m", "hpcampus_grading.service"]
    with subprocess.Popen(
        command, env=dict(service.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as hub:
        assert hub.stdout is not None
        started = psutil.Process(int(hub.stdout.readline()))
        wait_for(lambda: any("pydantic_core" in one.path for one in started.memory_maps()), "it imports")
        hub.kill()
    started.wait(30)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_proxy_may_use_its_connection_again_whenever_it_likes(service: Service) -> None:
    """Whoever closes one that the proxy is about to use costs somebody their request."""
    place = urlsplit(service.url)
    proxy = http.client.HTTPConnection(place.hostname or "", place.port)
    with closing(proxy):
        for _ in range(2):
            proxy.request("GET", f"{place.path}/health")
            assert proxy.getresponse().read() == b'{"status":"ready"}'
            closed, _, _ = select.select([proxy.sock], [], [], UVICORNS_OWN_SECONDS + 1)
            assert not closed


def test_asked_to_end_all_of_them_end(service: Service) -> None:
    all_there(service)
    os.kill(service.pid, signal.SIGTERM)
    wait_for(lambda: not serving(service), "nobody serves")
