"""What squeue's answer means, row by row."""

from datetime import UTC, datetime

import pytest
from hpcampus_spawner.scheduler import JobState, SchedulerError
from hpcampus_spawner.slurm import STATES, parse_squeue
from hypothesis import given
from hypothesis import strategies as st

NO_TIMES = "N/A|N/A"

# Every state of squeue(1), and what it means for the notebook server in the job.
MEANINGS = {
    JobState.PENDING: [
        "PENDING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_HOLD",
        "REQUEUE_FED",
        "SPECIAL_EXIT",
        "RESV_DEL_HOLD",
    ],
    JobState.RUNNING: ["RUNNING", "RESIZING", "SIGNALING"],
    JobState.ENDING: ["COMPLETING", "STAGE_OUT"],
    JobState.PAUSED: ["SUSPENDED", "STOPPED"],
    JobState.GONE: [
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "LAUNCH_FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    ],
}


def row(job_id: str, word: str, partition: str = "gpu", priority: str = "100", times: str = NO_TIMES) -> str:
    return f"{job_id}|{word}|{partition}|{priority}|{times}|None|n1"


@pytest.mark.parametrize(
    ("word", "state"), [(word, state) for state, words in MEANINGS.items() for word in words]
)
def test_every_state_has_its_meaning(word: str, state: JobState) -> None:
    status = parse_squeue(row("7", word))["7"]
    assert (status.state, status.word) == (state, word)


def test_no_state_is_known_that_this_table_lacks() -> None:
    assert sorted(STATES) == sorted(word for words in MEANINGS.values() for word in words)


@given(st.from_regex(r"[A-Z_+]{1,30}", fullmatch=True).filter(lambda word: word not in STATES))
def test_a_state_that_nobody_knows_never_ends_a_server(word: str) -> None:
    assert parse_squeue(row("7", word))["7"].state is not JobState.GONE


def test_an_empty_answer_means_no_jobs() -> None:
    assert parse_squeue("") == {}
    assert parse_squeue("\n") == {}


@pytest.mark.parametrize(
    "line",
    [
        "7|RUNNING|gpu",
        row("7", "RUNNING") + "|more",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "8|COMPLETED|gpu|1|N/A|N/A|a forged|reason|n1",
    ],
)
def test_a_line_that_is_no_row_makes_the_whole_answer_unknown(line: str) -> None:
    with pytest.raises(SchedulerError, match="can't be read"):
        parse_squeue(row("1", "RUNNING") + "\n" + line)


@given(st.text(max_size=200))
def test_any_text_is_rows_or_an_error(text: str) -> None:
    try:
        jobs = parse_squeue(text)
    except SchedulerError:
        return
    assert all(job_id == status.job_id for job_id, status in jobs.items())


def test_times_are_aware_and_missing_ones_are_none() -> None:
    jobs = parse_squeue(
        "\n".join(
            [
                row("1", "PENDING", times="2030-01-02T03:04:05|2030-01-02T04:04:05"),
                row("2", "PENDING"),
                row("3", "RUNNING", times="2030-01-02T03:04:05|2030-01-02T04:04:05"),
                row("4", "RUNNING", times="2030-01-02T03:04:05|UNLIMITED"),
                row("5", "PENDING", times="0001-01-01T00:00:00|9999-12-31T23:59:59"),
            ]
        )
    )
    assert jobs["1"].starts == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert jobs["1"].ends is None
    assert jobs["2"].starts is None
    assert jobs["3"].ends == datetime(2030, 1, 2, 4, 4, 5, tzinfo=UTC)
    assert jobs["4"].ends is None
    assert all(job.starts is None or job.starts.tzinfo for job in jobs.values())


def test_the_place_in_the_queue_is_by_priority_then_by_age_within_the_partition() -> None:
    jobs = parse_squeue(
        "\n".join(
            [
                row("10", "PENDING", priority="100"),
                row("9", "PENDING", priority="100"),
                row("11", "PENDING", priority="900"),
                row("12", "PENDING", partition="cpu", priority="1"),
                row("13", "RUNNING", priority="999"),
                row("14_[1-5%2]", "PENDING", priority="50"),
                row("15", "PENDING", priority="N/A"),
            ]
        )
    )
    places = {job_id: job.place for job_id, job in jobs.items()}
    assert places == {"11": 1, "9": 2, "10": 3, "14_[1-5%2]": 4, "15": 5, "12": 1, "13": None}


def test_the_reason_none_is_no_reason() -> None:
    jobs = parse_squeue("1|PENDING|gpu|1|N/A|N/A|None|\n2|PENDING|gpu|1|N/A|N/A|Resources|")
    assert [job.reason for job in jobs.values()] == ["", "Resources"]
