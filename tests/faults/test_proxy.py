"""The proxy dies, or is somebody else's: routes come back, and what can't be repaired is said.

Each test states the fault, what is expected, and what must be kept.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from campus_under_test import CampusUnderTest, programs, wait_for
from hpcampus_hub.lasting_proxy import end_proxy
from jupyterhub.utils import can_connect
from lab import Lab
from ready import until_not_ready, until_ready

COURSE = "gpu-numba"
BACK_SECONDS = 10
"""What is promised."""


def answers(lab: Lab) -> bool:
    """Whether the proxy knows the way to the notebook."""
    try:
        return lab.call("GET", "status").ok
    except OSError:
        return False


@contextmanager
def strangers_proxy(campus: CampusUnderTest) -> Iterator[None]:
    """A proxy with another token on this hub's ports, as after a restart by hand."""
    ports = campus.settings.ports()
    argv = ["configurable-http-proxy", "--ip", "127.0.0.1", "--port", str(campus.settings.port)]
    argv += ["--api-ip", "127.0.0.1", "--api-port", str(ports["proxy_api"])]
    argv += ["--default-target", f"http://127.0.0.1:{ports['hub']}"]
    environment = {**programs(), "CONFIGPROXY_AUTH_TOKEN": "of-somebody-else"}
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as proxy:
        try:
            wait_for(lambda: can_connect("127.0.0.1", ports["proxy_api"]), "the stranger's proxy listens")
            yield
        finally:
            proxy.kill()


def test_the_proxy_is_killed(campus: CampusUnderTest) -> None:
    """Fault: SIGKILL for the proxy. Expected: the hub starts another, with all routes, within 10 s.
    Kept: the kernel."""
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    lab = Lab(ada, COURSE)
    kernel = lab.kernel()
    os.kill(int(campus.settings.proxy_pid_file.read_text()), signal.SIGKILL)
    wait_for(lambda: not answers(lab), "the proxy is gone", BACK_SECONDS)
    wait_for(lambda: answers(lab), "the way to the notebook is back", BACK_SECONDS)
    kernel.is_kept()


def test_the_proxy_has_another_token(campus: CampusUnderTest) -> None:
    """Fault: somebody's proxy with another token holds the ports. Expected: readiness is red and says so, a
    hub that starts says so and ends; all is well when it is gone. Kept: the kernel."""
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    kernel = Lab(ada, COURSE).kernel()
    # The hub must not be quicker than the stranger.
    assert campus.process is not None
    campus.process.send_signal(signal.SIGSTOP)
    end_proxy(campus.settings.proxy_pid_file)
    with strangers_proxy(campus):
        campus.process.send_signal(signal.SIGCONT)
        assert "refuses this hub's token" in until_not_ready(campus, "proxy")
        campus.kill()
        with pytest.raises(AssertionError, match="the hub ended"):
            campus.start()
        assert "isn't a proxy that this hub started" in campus.log
    campus.start()
    until_ready(campus)
    kernel.is_kept()
