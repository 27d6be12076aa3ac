"""What a learner reads while waiting, and when it didn't work out."""

from datetime import UTC, datetime

import pytest
from hpcampus_spawner.scheduler import Ending, JobState, JobStatus
from hpcampus_spawner.slurm import STATES
from hpcampus_spawner.words import (
    ENDINGS,
    ending_as_html,
    ending_in_words,
    state_in_words,
)
from spawning import pending, running

NOON = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)


def test_every_way_to_end_that_needs_words_has_them() -> None:
    terminal = {word for word, state in STATES.items() if state is JobState.GONE}
    assert terminal - set(ENDINGS) == {"REVOKED"}


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (None, "handed to the scheduler"),
        (pending("1"), "Waiting in the queue. Other jobs come first."),
        (running("1", "n7"), "runs on n7. Its environment is being loaded."),
        (JobStatus("1", JobState.PENDING, "CONFIGURING", node="n7"), "gets n7, which is being made ready"),
        (JobStatus("1", JobState.PAUSED, "SUSPENDED"), "paused (suspended)"),
        (JobStatus("1", JobState.ENDING, "COMPLETING"), "is ending"),
    ],
)
def test_where_a_job_stands(job: JobStatus | None, said: str) -> None:
    assert said in state_in_words(job, None, NOON)


def test_a_job_that_has_reported_has_its_environment() -> None:
    assert "The notebook server is starting." in state_in_words(running("1"), None, NOON, loaded=True)


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
