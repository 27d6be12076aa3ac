"""A campus as operators are told to run it: no rights, one rule of sudo, TLS; and its first lesson."""

import base64
import hashlib
import http.client
import pwd
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser_fixtures import chromium
from campus_under_test import CampusUnderTest, wait_for
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hpcampus_hub.tls import hub_certificate
from hpcampus_hub.twin import processes
from hpcampus_spawner.ledger import Ledger
from people_in_browsers import COURSE, InBrowser
from playwright.sync_api import Browser, Page, expect
from production import HUB, production_campus
from twins import as_user, full_cluster, jobs

pytestmark = [pytest.mark.slurm, pytest.mark.sudo]

NAME = "campus.test"
"""By which people ask for the campus, through a reverse proxy."""


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    """Ada, Ben and Rosa are learners, each with a Unix account; the hub's account may do nothing."""
    with production_campus("ada", "ben", "rosa", tls={"names": [NAME]}) as campus:
        yield campus


@pytest.fixture(scope="module")
def browser(campus: CampusUnderTest) -> Iterator[Browser]:
    """A browser that believes this campus's key and, beyond the public ones, no other."""
    _, file = hub_certificate(campus.settings.certificates)
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    with chromium(f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}") as browser:
        yield browser


@pytest.mark.browser
def test_the_first_lesson_in_a_browser(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Log in, press Start, see the queue, run a cell in JupyterLab, stop: through TLS all the way."""
    assert campus.process is not None
    assert pwd.getpwuid(Path(f"/proc/{campus.process.pid}").stat().st_uid).pw_name == HUB
    ada = InBrowser(browser, campus, "ada")
    assert ada.page.url.startswith("https:")
    with full_cluster(campus):
        ada.start_lesson()
        expect(ada.page.locator("#queue-place")).to_have_text("1")
        screenshot(ada.page, "1-queue")
    ada.until_lesson()
    ada.run_cell("print(device())")
    expect(ada.page.locator(".jp-OutputArea-output").first).to_be_visible()
    screenshot(ada.page, "2-lesson")
    ada.page.goto(f"{ada.url}/hub/home")
    ada.page.get_by_role("button", name="Stop").click()
    expect(ada.card().get_by_role("button", name="Start").first).to_be_visible()
    assert "RUNNING" not in jobs(campus).values()


@dataclass(frozen=True)
class Server:
    """A running notebook server, seen by root of its node."""

    owner: str
    port: int
    private: Path
    """The folder that its job keeps for itself."""

    @property
    def pair(self) -> tuple[Path, Path]:
        """Its key and its certificate."""
        return self.private / "key.pem", self.private / "certificate.pem"


def started(campus: CampusUnderTest, name: str) -> Server:
    """Start somebody's lesson and find it on the node."""
    person = campus.person(name)
    person.start(COURSE, {"course": COURSE})
    person.until_ready(COURSE)
    ledger = Ledger(campus.settings.database_url("spawns"))
    spawn = ledger.live(name, COURSE)
    ledger.close()
    assert spawn is not None
    assert spawn.port is not None
    return Server(name, spawn.port, private_folder_of(name))


def private_folder_of(name: str) -> Path:
    """The folder that a learner's job made, as their processes know it."""
    mine = processes.of_user(pwd.getpwnam(name).pw_uid)
    texts = [Path(f"/proc/{process.pid}/environ").read_bytes().decode() for process in mine]
    (folder,) = {found[1] for text in texts if (found := re.search(r"\0JUPYTER_RUNTIME_DIR=([^\0]+)", text))}
    return Path(folder)


@pytest.fixture(scope="module")
def ada(campus: CampusUnderTest) -> Server:
    return started(campus, "ada")


@pytest.fixture(scope="module")
def ben(campus: CampusUnderTest) -> Server:
    """On the same node."""
    return started(campus, "ben")


Pair = tuple[Path, Path]


def ask(
    campus: CampusUnderTest,
    port: int,
    path: str,
    pair: Pair | None,
    *,
    host: str = "127.0.0.1",
    tls: bool = True,
) -> int:
    """The status of an answer to somebody who shows that certificate; raises `OSError` for none at all."""
    if not tls:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    else:
        context = ssl.create_default_context()
        for authority in campus.settings.certificates.glob("*-ca/*-ca.crt"):
            context.load_verify_locations(authority)
        if pair is not None:
            context.load_cert_chain(pair[1], pair[0])
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise ConnectionError(f"no answer: {error!r}") from error
    finally:
        connection.close()


def ports(campus: CampusUnderTest, server: Server) -> dict[str, tuple[int, str]]:
    """What speaks TLS with nobody but parts of the campus: each with a path that answers them."""
    own = campus.settings.ports()
    return {
        "notebook": (server.port, f"/user/{server.owner}/{COURSE}/api"),
        "hub": (own["hub"], "/hub/health"),
        "proxy": (own["proxy_api"], "/api/routes"),
    }


@pytest.mark.parametrize("door", ["notebook", "hub", "proxy"])
def test_who_is_no_part_of_the_campus_is_refused(
    campus: CampusUnderTest, ada: Server, ben: Server, door: str
) -> None:
    """Plain HTTP, no certificate, and another learner's certificate get no answer; the hub's gets one."""
    port, path = ports(campus, ada)[door]
    own = hub_certificate(campus.settings.certificates)
    assert ask(campus, port, path, own) == (403 if door == "proxy" else 200)
    for pair in (None, ben.pair, ada.pair):
        with pytest.raises(OSError, match=r"(?i)alert|reset|closed|eof|no answer|broken"):
            ask(campus, port, path, pair)
    with pytest.raises(OSError, match=r"(?i)reset|closed|no answer"):
        ask(campus, port, path, None, tls=False)


def test_a_neighbour_on_the_node_reads_no_key(ada: Server, ben: Server) -> None:
    """The key is in a closed folder of the node's, in a file for its owner alone."""
    assert ada.private.stat().st_mode & 0o777 == 0o700
    for file in ada.pair:
        assert (file.owner(), file.stat().st_mode & 0o777) == ("ada", 0o600)
        assert as_user("ada", "cat", file).returncode == 0
        assert as_user("ben", "cat", file).returncode != 0
    assert as_user("ben", "ls", ada.private).returncode != 0
    assert ada.pair[0].read_text() != ben.pair[0].read_text()


def test_no_key_is_anywhere_else(campus: CampusUnderTest, ada: Server) -> None:
    """In no file of the hub's or of the learner's home, in no command line and no environment."""
    heart = ada.pair[0].read_text().splitlines()[1].encode()
    home = Path(pwd.getpwnam("ada").pw_dir)
    files = [path for folder in (campus.settings.state, home) for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "job.log" for path in files)
    assert [path for path in files if heart in path.read_bytes()] == []
    for file in [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]:
        try:
            assert heart not in file.read_bytes(), file
        except (FileNotFoundError, ProcessLookupError):
            continue
    assert "PRIVATE KEY" not in campus.log


def test_hub_and_proxy_check_who_answers_them(campus: CampusUnderTest, ada: Server) -> None:
    """The certificate holds the node's address and the campus's names, and for another name it is no good."""
    certificate = x509.load_pem_x509_certificate(ada.pair[1].read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"127.0.0.1", NAME}
    port, path = campus.settings.port, f"/user/ada/{COURSE}/api"
    assert ask(campus, port, path, None) == 200
    assert ask(campus, port, path, None, host=NAME) == 200
    assert ask(campus, port, path, None, host="elsewhere.test") == 503


def test_the_next_hub_reaches_the_server_as_before(campus: CampusUnderTest, ada: Server) -> None:
    """Fault: the hub is killed. Kept: the server, with the certificate that the hub before gave it."""
    before = campus.person("ada").server_started(COURSE)
    campus.kill()
    campus.start()
    person = campus.person("ada")
    assert person.server_started(COURSE) == before
    # And the server reaches the hub: it is the hub that knows how much time is left.
    assert person.get(f"/user/ada/{COURSE}/campus/time").json()["seconds"] > 0
    assert person.api("GET", "campus/ready").json() == {"ready": True, "problems": {}}


def test_the_key_goes_with_the_job(campus: CampusUnderTest, ada: Server) -> None:
    campus.person("ada").stop(COURSE)
    wait_for(lambda: not ada.private.exists(), "the job has taken its folder away")


def test_jobs_find_the_hub_through_the_proxy_alone(campus: CampusUnderTest) -> None:
    """Beyond this machine nothing listens but the proxy: here, where it was told to, and not everywhere."""
    for port in (campus.settings.port, *campus.settings.ports().values()):
        with socket.socket() as one, pytest.raises(ConnectionRefusedError):
            one.connect(("127.0.0.2", port))
