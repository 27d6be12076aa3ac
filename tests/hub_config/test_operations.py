"""What operators ask: whose jobs are there, and how is the campus doing. A real hub."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from campus_under_test import CampusUnderTest, Samples, local_campus, wait_for
from click.testing import CliRunner
from hpcampus_hub.jobs_command import jobs

COURSE = "gpu-numba"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with local_campus() as campus:
        yield campus


def test_only_operators_see_all_jobs(campus: CampusUnderTest) -> None:
    """The page and its JSON are for those who may see all servers."""
    ada, otto = campus.person("ada"), campus.person("otto")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    assert ada.get("/hub/campus/jobs").status_code == 403
    assert ada.api("GET", "campus/jobs").status_code == 403
    (row,) = otto.api("GET", "campus/jobs").json()
    assert (row["person"], row["server"], row["site"], row["state"]) == ("ada", COURSE, "local", "RUNNING")
    assert (row["course"], row["gpus"], row["node"], row["started_by"]) == (COURSE, 0, "local", "")
    assert row["since"] < row["until"]
    assert "/hub/campus/jobs" in otto.home()
    assert "/hub/campus/jobs" not in ada.home()
    page = otto.get("/hub/campus/jobs").text
    assert '<th scope="row">ada</th>' in page
    assert row["job"] in page


def test_the_command_shows_the_same_jobs(campus: CampusUnderTest) -> None:
    ben = campus.person("ben")
    ben.start(COURSE, {"course": COURSE})
    ben.until_ready(COURSE)
    state = ["--state", str(campus.settings.state)]
    rows = json.loads(CliRunner().invoke(jobs, [*state, "--json"]).stdout)
    assert {row["person"] for row in rows} >= {"ben"}
    table = CliRunner().invoke(jobs, state).stdout
    assert "ben" in table
    assert table.startswith("person")


def test_the_metrics_are_for_monitoring_and_operators_and_name_nobody(campus: CampusUnderTest) -> None:
    """Through the endpoint that Prometheus asks, with the token that an operator copies for it."""
    ada = campus.person("ada")
    ada.stop_all()
    assert ada.get("/hub/metrics").status_code == 403
    before = campus.metrics()
    ada.start(COURSE, {"course": "no-such-thing"})
    wait_for(lambda: ada.model(COURSE) is None, "a start of nothing is refused")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    during = campus.metrics()
    ada.stop(COURSE)
    after = campus.metrics()

    def more(name: str, now: Samples = after, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return now.get(key, 0.0) - before.get(key, 0.0)

    assert more("campus_submissions_total", site="local", result="accepted") == 1
    assert more("campus_failed_starts_total", site="", reason="server-name") == 1
    for phase in ("submit", "queue", "report", "ready"):
        assert more("campus_start_seconds_count", site="local", phase=phase) == 1
    assert more("campus_command_seconds_count", site="local", command="start", result="ok") == 1
    assert more("campus_jobs", during, site="local", state="running") == 1
    assert more("campus_ended_servers_total", site="local", reason="stopped") == 1
    site = frozenset({("site", "local")})
    assert 0 <= after["campus_scheduler_answer_age_seconds", site] < 60
    assert after["campus_submissions_waiting", site] == after["campus_longest_wait_seconds", site] == 0
    assert campus.person("otto").get("/hub/metrics").ok
    ours = [labels for (name, labels) in after if name.startswith("campus_")]
    words = {value for labels in ours for _, value in labels}
    assert not words & set(campus.settings.deployment.demo)


def test_the_token_for_metrics_opens_nothing_else(campus: CampusUnderTest) -> None:
    token = (campus.settings.state / "monitoring.secret").read_text()
    for path in ("users", "groups", "campus/jobs", "services", "proxy"):
        url = f"{campus.settings.url}/hub/api/{path}"
        assert requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 403


def test_a_folder_without_a_campus_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(jobs, ["--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no campus" in done.output
