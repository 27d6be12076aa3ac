"""What a learner reads while waiting, and when it didn't work out."""

from datetime import UTC, datetime

import pytest
from hpcampus_spawner.scheduler import Ending, JobState, JobStatus
from hpcampus_spawner.slurm import STATES
from hpcampus_spawner.words import (
    ENDINGS,
    ending_as_html,
    ending_in_words,
    reason_in_words,
    state_in_words,
)
from spawning import pending, running

NOON = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Resources", "It is next"),
        ("Priority", "Other jobs come first"),
        ("ReqNodeNotAvail, UnavailableNodes:n1", "down or reserved"),
        ("SomethingNew", "SomethingNew"),
        ("Not Running: Insufficient amount of resource: ncpus (R: 2 A: 0 T: 64)", "It is next"),
        ("Not Running: Not enough free nodes available", "It is next"),
        ("Not Running: Job would conflict with reservation or top job", "Other jobs come first"),
        ("Not Running: Draining system to allow starving job to run", "Other jobs come first"),
        ("Not Running: User has reached queue single running job limit.", "You already have as many"),
        ("Not Running: Queue single per-user limit reached on resource ncpus", "You already have as many"),
        ("Not Running: Server job limit reached.", "already runs as many jobs"),
        ("Not Running: Job would cross dedicated time boundary", "down or reserved"),
        ("Not Running: Queue not started.", "closed at the moment"),
        ("Can Never Run: Insufficient amount of resource: ngpus (R: 9 A: 4 T: 4)", "could ever run it"),
        ("Job held by ada on Wed Jan  2 03:00:00 2030", "held by its owner"),
        ("", ""),
    ],
)
def test_a_reason_is_a_sentence(reason: str, said: str) -> None:
    assert said in reason_in_words(reason)


def test_every_way_to_end_that_needs_words_has_them() -> None:
    terminal = {word for word, state in STATES.items() if state is JobState.GONE}
    assert terminal - set(ENDINGS) == {"REVOKED"}


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (None, "handed to the scheduler"),
        (pending("1"), "Waiting in the queue. Other jobs come first."),
        (running("1", "n7"), "runs on n7"),
        (JobStatus("1", JobState.PAUSED, "SUSPENDED"), "paused (suspended)"),
        (JobStatus("1", JobState.ENDING, "COMPLETING"), "is ending"),
    ],
)
def test_where_a_job_stands(job: JobStatus | None, said: str) -> None:
    assert said in state_in_words(job, None, NOON)


def test_a_silent_scheduler_costs_nobody_their_place() -> None:
    sentence = state_in_words(pending("1"), "no answer", NOON)
    assert "your place is not lost" in sentence
    assert NOON.astimezone().strftime("%H:%M:%S") in sentence
    assert "from" not in state_in_words(None, "no answer", None).split(".", 1)[1]


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        (Ending("OUT_OF_MEMORY", 0, ""), "more memory than it had asked for"),
        (Ending("FAILED", 3, ""), "Its exit code was 3."),
        (Ending("", None, ""), "The node that your job ran on failed"),
        (Ending("SOMETHING_NEW", None, ""), "(something_new)"),
    ],
)
def test_why_a_job_ended(ending: Ending, said: str) -> None:
    assert said in ending_in_words(ending, "NODE_FAIL")


def test_a_log_may_hold_anything() -> None:
    log = "\n".join(f"line {number}" for number in range(100)) + "\n<script>alert(1)</script>&amp;"
    html = ending_as_html('The "end" <b>', Ending("FAILED", 1, log))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;" in html
    assert "The &quot;end&quot; &lt;b&gt;" in html
    assert "line 99" in html
    assert "line 10\n" not in html


def test_no_log_no_box() -> None:
    assert "<pre>" not in ending_as_html("Over.", Ending("FAILED", 1, "\n \n"))
