"""PostgreSQL crashes while a class works: what was acknowledged is there afterwards, and everybody goes on.

Each test states the fault, what is expected, and what must be kept.
"""

import io
import itertools
import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import invariants
import pytest
import requests
from campus_under_test import CampusUnderTest, Somebody, local_campus, wait_for
from hpcampus_grading.archive import pack_bytes
from lab import Lab
from postgres import Postgres, postgres
from ready import ready, until_ready

pytestmark = pytest.mark.postgres

COURSE = "gpu-numba"
LESSON = "lesson1"


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def campus(database: Postgres) -> Iterator[CampusUnderTest]:
    with local_campus(database=database.url) as campus:
        yield campus
        invariants.hold(campus)


class Submitting:
    """Somebody who submits again and again, and asks once more when a submission wasn't acknowledged."""

    def __init__(self, person: Somebody) -> None:
        self.receipts: list[str] = []
        self.refusals: list[str] = []
        self._person, self._token = person, person.exchange_token()

    def until(self, over: threading.Event) -> None:
        """Submit something new each time."""
        for number in itertools.count():
            while not over.is_set() and not self._submit(number):
                over.wait(0.2)
            if over.is_set():
                return

    def listed(self) -> set[str]:
        """What the exchange has."""
        answer = self._ask("GET", "submissions")
        assert answer.ok, answer.text
        return {row["receipt"]["id"] for row in answer.json()}

    def _submit(self, number: int) -> bool:
        notebook = {"cells": [], "metadata": {"try": number}, "nbformat": 4, "nbformat_minor": 5}
        packed = io.BytesIO()
        pack_bytes([(f"{LESSON}.ipynb", json.dumps(notebook).encode())], packed)
        answer = self._ask("POST", f"courses/{COURSE}/assignments/{LESSON}/submissions", packed.getvalue())
        if answer.ok:
            self.receipts.append(answer.json()["id"])
        else:
            self.refusals.append(f"{answer.status_code}: {answer.text}")
        return bool(answer.ok)

    def _ask(self, method: str, path: str, data: bytes | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/zip"}
        url = f"{self._person.url}/services/exchange/{path}"
        return requests.request(method, url, headers=headers, data=data, timeout=60)


def what_is_said(person: Somebody) -> set[int]:
    """How the hub answers somebody's browser, and the scripts of its pages."""
    page = person.http.get(f"{person.url}/hub/home", allow_redirects=False, timeout=60)
    return {page.status_code, person.api("GET", f"users/{person.name}").status_code}


def test_postgresql_crashes_while_people_submit(campus: CampusUnderTest, database: Postgres) -> None:
    """Fault: `pg_ctl -m immediate` under load, and a start some seconds later. Expected: readiness is red in
    between, nobody is taken for a stranger; hub, ledger and exchange connect again by themselves. Kept: every
    receipt, and the kernel."""
    ada, ben = campus.person("ada"), campus.person("ben")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    kernel = Lab(ada, COURSE).kernel()
    people = [Submitting(person) for person in (ada, ben)]
    over = threading.Event()
    with ThreadPoolExecutor(len(people)) as pool:
        loads = [pool.submit(person.until, over) for person in people]
        try:
            wait_for(lambda: all(len(person.receipts) > 3 for person in people), "people submit")
            database.end(signal.SIGQUIT)
            wait_for(lambda: ready(campus)[0] == 503, "readiness is red")
            wait_for(lambda: all(person.refusals for person in people), "nobody gets a receipt")
            assert what_is_said(ada) == {503}
            before = [len(person.receipts) for person in people]
            database.start()
            until_ready(campus)
            wait_for(
                lambda: all(len(p.receipts) > n + 3 for p, n in zip(people, before, strict=True)),
                "they go on",
            )
        finally:
            over.set()
    for load in loads:
        load.result()
    assert what_is_said(ada) == {200}
    for person in people:
        assert {refusal[:3] for refusal in person.refusals} <= {"503"}, person.refusals
        assert set(person.receipts) <= person.listed()
    kernel.is_kept()
    ben.start(COURSE, {"course": COURSE})
    ben.until_ready(COURSE)
