"""What a learner reads when their server is no more."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hpcampus_hub.endings import Endings
from hpcampus_spawner.ledger import Ledger

SPAWN_URL = "/hub/spawn/ada/gpu-numba?next=%2Fhub%2Fuser%2Fada%2Fgpu-numba%2Flab%2Ftree%2Fmy%2520notes.ipynb"
NEXT = "next=%2Fhub%2Fuser%2Fada%2Fgpu-numba%2Flab%2Ftree%2Fmy%2520notes.ipynb"
ADA: Any = SimpleNamespace(name="ada")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'spawns.sqlite'}")
    yield ledger
    ledger.close()


def a_spawn(ledger: Ledger, spawn_id: str, server: str = "gpu-numba", **options: Any) -> str:
    fields = {"tag": "t", "secret": "s", "site": "local"}
    ledger.open(spawn_id=spawn_id, learner="ada", server=server, options=options, **fields)
    return spawn_id


@pytest.mark.parametrize(
    ("reason", "heading", "sentence"),
    [
        ("TIMEOUT", "Your time was over", "reached its end"),
        ("IDLE", "Your notebook was stopped", "Nobody had used it"),
        ("OUT_OF_MEMORY", "Your notebook has ended", "more memory"),
        ("something new", "Your notebook has ended", "something new"),
        ("stopped", "Your notebook isn't running", "It was stopped."),
    ],
)
def test_it_says_why_and_when(ledger: Ledger, reason: str, heading: str, sentence: str) -> None:
    ledger.end(a_spawn(ledger, "a" * 32), reason)
    ending = Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL)
    assert ending.heading == heading
    assert sentence in ending.sentence
    assert ending.moment is not None
    assert ending.moment.tzinfo is not None


def test_it_starts_with_the_same_options_and_leads_back(ledger: Ledger) -> None:
    a_spawn(ledger, "a" * 32, course="gpu-numba", assignment="lesson1", cpus=None)
    ledger.end("a" * 32, "TIMEOUT")
    again = Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL).again
    assert again == f"/hub/spawn/ada/gpu-numba?opt-course=gpu-numba&opt-assignment=lesson1&{NEXT}"


def test_the_last_start_of_that_server_counts(ledger: Ledger) -> None:
    ledger.end(a_spawn(ledger, "a" * 32), "TIMEOUT")
    ledger.end(a_spawn(ledger, "b" * 32), "NODE_FAIL")
    ledger.end(a_spawn(ledger, "c" * 32, server=""), "IDLE")
    assert "node" in Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL).sentence


def test_who_never_started_it_just_starts_it(ledger: Ledger) -> None:
    ending = Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL)
    assert (ending.heading, ending.moment) == ("Your notebook isn't running", None)
    assert ending.again == SPAWN_URL


def test_a_server_whose_spawn_lives_is_only_away_for_a_moment(ledger: Ledger) -> None:
    a_spawn(ledger, "a" * 32)
    ending = Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL)
    assert ending.soon
    assert "nothing is lost" in ending.sentence
    ledger.end("a" * 32, "TIMEOUT")
    assert not Endings(ledger).of(ADA, "gpu-numba", SPAWN_URL).soon
