"""What operators ask: is the campus ready, and whose jobs are there. A real hub, and real trouble for it."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from campus_under_test import CampusUnderTest, local_campus, wait_for
from click.testing import CliRunner
from hpcampus_hub.jobs_command import jobs

COURSE = "gpu-numba"


@pytest.fixture(scope="module")
def campus() -> Iterator[CampusUnderTest]:
    with local_campus() as campus:
        yield campus


def ready(campus: CampusUnderTest) -> tuple[int, dict[str, str]]:
    answer = requests.get(f"{campus.settings.url}/hub/api/campus/ready", timeout=30)
    return answer.status_code, answer.json()["problems"]


def until_ready(campus: CampusUnderTest) -> None:
    wait_for(lambda: ready(campus) == (200, {}), f"the hub is ready: {ready(campus)}", 30)


def until_not_ready(campus: CampusUnderTest, what: str) -> str:
    """Wait until that is what's wrong, and nothing else; returns the sentence."""

    def problem() -> str | None:
        code, problems = ready(campus)
        return problems[what] if code == 503 and set(problems) == {what} else None

    return wait_for(problem, f"{what} is not ready", 30)


def test_a_healthy_campus_is_ready(campus: CampusUnderTest) -> None:
    until_ready(campus)


@pytest.mark.parametrize("name", ["spawns", "hub"])
def test_a_database_that_somebody_locks_is_said_at_once(campus: CampusUnderTest, name: str) -> None:
    """Fault: another process holds the write lock. Expected: not ready, with the reason."""
    holder = sqlite3.connect(campus.settings.state / f"{name}.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in until_not_ready(campus, f"database {name}")
    finally:
        holder.close()
    until_ready(campus)


def test_a_database_file_that_was_moved_away_is_said_at_once(campus: CampusUnderTest) -> None:
    """Fault: the file is gone, while the hub's connections still work. Expected: not ready."""
    file = campus.settings.state / "spawns.sqlite"
    away = file.with_suffix(".away")
    file.rename(away)
    try:
        assert "spawns.sqlite is gone" in until_not_ready(campus, "database spawns")
    finally:
        away.rename(file)
    until_ready(campus)


def test_a_database_file_that_was_replaced_is_said(campus: CampusUnderTest) -> None:
    """Fault: a copy was put in its place. Expected: not ready, because the hub goes on with the old one."""
    file = campus.settings.state / "spawns.sqlite"
    away = file.with_suffix(".away")
    file.rename(away)
    file.write_bytes(away.read_bytes())
    try:
        assert "Restart the hub" in until_not_ready(campus, "database spawns")
    finally:
        away.rename(file)
    until_ready(campus)


def test_a_proxy_that_is_gone_is_said_and_comes_back(campus: CampusUnderTest) -> None:
    """Fault: SIGKILL for the proxy. Expected: the hub starts it again, with all routes. Kept: servers."""
    ada = campus.person("ada")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    started = ada.server_started(COURSE)
    os.kill(int((campus.settings.state / "proxy.pid").read_text()), signal.SIGKILL)
    until_again(campus)
    assert campus.person("ada").server_started(COURSE) == started
    ada.stop(COURSE)


def until_again(campus: CampusUnderTest) -> None:
    """Wait until a proxy answers again, and everything is ready."""

    def again() -> bool:
        # Without a proxy nothing answers; with one that knows no routes yet, only that proxy does.
        try:
            return ready(campus)[0] == 200
        except (requests.ConnectionError, requests.JSONDecodeError):
            return False

    wait_for(again, "the proxy is back", 60)


def test_only_operators_see_all_jobs(campus: CampusUnderTest) -> None:
    """The page and its JSON are for those who may see all servers."""
    ada, otto = campus.person("ada"), campus.person("otto")
    ada.start(COURSE, {"course": COURSE})
    ada.until_ready(COURSE)
    assert ada.get("/hub/campus/jobs").status_code == 403
    assert ada.api("GET", "campus/jobs").status_code == 403
    (row,) = otto.api("GET", "campus/jobs").json()
    assert (row["person"], row["server"], row["site"], row["state"]) == ("ada", COURSE, "local", "RUNNING")
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


def test_a_folder_without_a_campus_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(jobs, ["--state", str(tmp_path)])
    assert done.exit_code == 1
    assert "holds no campus" in done.output
