"""What qstat's JSON means, with the slips that it is known for. They are written after PBS's manuals."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hpcampus_spawner.pbs_jobs import STATES, parse_jobs
from hpcampus_spawner.scheduler import JobState, SchedulerError
from hypothesis import given
from hypothesis import strategies as st

ANSWERS = Path(__file__).with_name("pbs")
# Every state of qstat(1B), and what it means for the notebook server in the job.
MEANINGS = {
    JobState.PENDING: "QHWT",
    JobState.RUNNING: "RB",
    JobState.ENDING: "E",
    JobState.PAUSED: "SUM",
    JobState.GONE: "FX",
}


def answer(**attributes: Any) -> str:
    """qstat's answer for one job."""
    return json.dumps({"pbs_server": "pbs01", "Jobs": {"7.pbs01": {"job_state": "R", **attributes}}})


@pytest.mark.parametrize(
    ("letter", "state"), [(letter, state) for state, letters in MEANINGS.items() for letter in letters]
)
def test_every_state_has_its_meaning(letter: str, state: JobState) -> None:
    assert parse_jobs(answer(job_state=letter))["7.pbs01"].state is state


def test_no_state_is_known_that_this_table_lacks() -> None:
    assert sorted(STATES) == sorted("".join(MEANINGS.values()))


@given(st.text(min_size=1, max_size=20).filter(lambda letter: letter not in STATES))
def test_a_state_that_nobody_knows_never_ends_a_server(letter: str) -> None:
    status = parse_jobs(answer(job_state=letter))["7.pbs01"]
    assert (status.state, status.word) == (JobState.PAUSED, letter)


def test_a_whole_answer_is_read() -> None:
    jobs = parse_jobs((ANSWERS / "jobs.json").read_text())
    running, waiting, older = jobs["101.pbs01"], jobs["102.pbs01"], jobs["99.pbs01"]
    assert (running.state, running.word, running.node) == (JobState.RUNNING, "RUNNING", "n17")
    assert running.ends == datetime(2030, 1, 2, 4, 34, 5, tzinfo=UTC)
    assert (running.reason, running.starts, running.place) == ("", None, None)
    assert (waiting.state, waiting.node) == (JobState.PENDING, "")
    assert waiting.reason == "Not Running: Not enough free nodes available"
    assert waiting.starts == datetime(2030, 1, 2, 5, 0, tzinfo=UTC)
    assert older.starts == datetime.fromtimestamp(1893560400, UTC)
    assert jobs["106.pbs01"].node == "n20"
    assert jobs["106.pbs01"].ends == datetime.fromtimestamp(1893553445 + 360_000, UTC)


def test_the_place_is_by_arrival_within_the_queue_and_for_those_who_wait_their_turn() -> None:
    jobs = parse_jobs((ANSWERS / "jobs.json").read_text())
    places = {job_id: job.place for job_id, job in jobs.items() if job.place}
    assert places == {"99.pbs01": 1, "102.pbs01": 2, "105.pbs01": 1}


def test_without_jobs_pbs_leaves_their_section_out() -> None:
    assert parse_jobs('{"timestamp":1,"pbs_version":"20.0","pbs_server":"pbs01"}') == {}


@pytest.mark.parametrize("name", ["forged.json", "unescaped.json"])
def test_an_answer_that_cannot_be_believed_is_none(name: str) -> None:
    with pytest.raises(SchedulerError, match="no JSON that can be believed"):
        parse_jobs((ANSWERS / name).read_text())


@pytest.mark.parametrize("length", [0, 1, 40, 400, 1000, 2000])
def test_an_answer_that_breaks_off_is_none(length: int) -> None:
    with pytest.raises(SchedulerError):
        parse_jobs((ANSWERS / "jobs.json").read_text()[:length])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "qstat: cannot connect to server pbs01 (errno=111)",
        '{"pbs_server": "pbs01", "Jobs": []}',
        '{"pbs_server": "pbs01", "Jobs": {"7.pbs01": "R"}}',
        '{"pbs_server": "pbs01", "Jobs": {"7.pbs01": {}}}',
        '{"pbs_server": "pbs01", "Jobs": {"7.pbs01": {"job_state": 7}}}',
        '{"pbs_server": "pbs01", "Jobs": {}, "Jobs": {}}',
    ],
)
def test_an_answer_without_its_marks_is_none(text: str) -> None:
    with pytest.raises(SchedulerError):
        parse_jobs(text)


@given(st.text(max_size=200))
def test_any_text_is_jobs_or_an_error(text: str) -> None:
    with pytest.raises(SchedulerError):
        parse_jobs(text)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_names = ("comment", "exec_host", "exec_vnode", "estimated", "stime", "Resource_List", "queue")


@given(st.dictionaries(st.sampled_from(_names), _anything), st.sampled_from(sorted(STATES)))
def test_whatever_an_attribute_holds_the_state_stands(attributes: dict[str, Any], letter: str) -> None:
    status = parse_jobs(answer(**attributes, job_state=letter))["7.pbs01"]
    assert status.state is STATES[letter][1]
    assert status.starts is None or status.starts.tzinfo
    assert status.ends is None or status.ends.tzinfo


@given(_anything, st.integers() | st.from_regex(r"[0-9:]{1,40}", fullmatch=True))
def test_no_length_of_time_is_too_odd(walltime: object, began: object) -> None:
    for facts in ({"walltime": walltime}, {"walltime": began}):
        parse_jobs(answer(stime=1893553445, Resource_List=facts))
        parse_jobs(answer(stime=began, Resource_List=facts, estimated={"start_time": walltime}))
