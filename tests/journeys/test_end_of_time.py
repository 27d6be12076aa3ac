"""The time of a notebook runs out: its learner is told, loses nothing, and goes on where they were."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from campus_under_test import CampusUnderTest, local_campus, private_folder, wait_for
from hpcampus_hub.settings import COURSES
from people_in_browsers import COURSE, LESSON, InBrowser
from playwright.sync_api import Browser, Page, expect
from twins import commands, end_in, jobs, twin_campus

pytestmark = pytest.mark.browser

MINUTES = 3
"""Enough to open the lesson and type on a busy machine, before the last save at one minute."""
UNTIL_THE_END = 60_000 * (MINUTES + 1)
"""Milliseconds."""


@pytest.fixture
def hurried_campus() -> Iterator[CampusUnderTest]:
    """A campus whose lesson has little time."""
    courses = private_folder()
    shutil.copytree(COURSES, courses, dirs_exist_ok=True)
    lesson = courses / COURSE / "course.yaml"
    lesson.write_text(re.sub(r"walltime_minutes: \d+", f"walltime_minutes: {MINUTES}", lesson.read_text()))
    try:
        with local_campus(courses=courses) as campus:
            yield campus
    finally:
        shutil.rmtree(courses)


def test_nothing_is_lost_when_the_time_is_over(
    hurried_campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """A countdown, a warning, a save at the scheduler's signal and before the end, and one click to go on."""
    ada = InBrowser(browser, hurried_campus, "ada")
    ada.start_lesson()
    ada.until_lesson()
    expect(ada.page.get_by_role("timer")).to_have_text(re.compile("min left|s left"))
    message = ada.page.locator(".hpcampus-time-message")
    expect(message.get_by_role("status")).to_contain_text("this notebook ends at")
    screenshot(ada.page, "1-warning")
    message.get_by_role("button", name="Dismiss").click()
    expect(message).to_be_hidden()

    assert campus_time(hurried_campus, "ada", of="ada").json()["seconds"] <= 60 * MINUTES
    assert campus_time(hurried_campus, "ben", of="ada").status_code in {403, 404}

    ada.write_over("YOUR CODE HERE", "typed_before_the_signal = 1")
    tell_that_it_ends_soon(hurried_campus, "ada")
    wait_for(lambda: "typed_before_the_signal" in on_disk(hurried_campus, "ada"), "saved at the signal", 30)
    ada.write_over("typed_before_the_signal", "typed_before_the_end = 2")
    again = message.get_by_role("link", name="Start again where I was")
    expect(again).to_be_visible(timeout=UNTIL_THE_END)
    assert "typed_before_the_end" in on_disk(hurried_campus, "ada")
    expect(message.get_by_role("status")).to_contain_text("Your time is over.")
    screenshot(ada.page, "2-over")

    elsewhere = ada.page.context.new_page()
    elsewhere.goto(ada.page.url)
    expect(elsewhere.get_by_role("heading", name="Your time was over")).to_be_visible()
    expect(elsewhere.get_by_role("link", name="Start again where I was")).to_be_visible()
    screenshot(elsewhere, "3-page-of-the-hub")
    elsewhere.close()

    again.click()
    ada.until_lesson()
    expect(ada.page.locator(".jp-CodeCell", has_text="typed_before_the_end")).to_be_visible()
    screenshot(ada.page, "4-where-i-was")


@pytest.mark.parametrize(
    "running_campus", [pytest.param(twin_campus, id="leonardo", marks=pytest.mark.slurm)], indirect=True
)
def test_15_and_5_minutes_before_the_end_there_is_a_warning(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Slurm shortens the job, hub and page hear of it; no warning before, and none twice."""
    ada = InBrowser(browser, campus, "ada")
    # The page asks once a minute how much time is left: its clock can be put forward.
    ada.page.clock.install()
    ada.start_lesson()
    ada.until_lesson()
    message = ada.page.locator(".hpcampus-time-message")
    countdown = ada.page.get_by_role("timer")
    expect(countdown).to_contain_text("min left")
    job = next(job for job, state in jobs(campus).items() if state == "RUNNING")
    for minutes in (15, 5):
        expect(message).to_be_hidden()
        end_in(commands(campus), job, minutes)
        wait_for(lambda at_most=60 * minutes: seconds_left(ada) <= at_most, "the page hears of it", 90)
        expect(countdown).to_have_text(f"{minutes} min left")
        expect(message.get_by_role("status")).to_contain_text(f"{minutes} min left: this notebook ends at")
        screenshot(ada.page, f"{minutes}-minutes")
        message.get_by_role("button", name="Dismiss").click()
        seconds_left(ada)


def seconds_left(person: InBrowser) -> int:
    """What the page is told when it asks once more."""
    with person.page.expect_response(lambda answer: "/campus/time" in answer.url) as told:
        person.page.clock.fast_forward(61_000)
    return int(told.value.json()["seconds"])


def campus_time(campus: CampusUnderTest, name: str, of: str) -> requests.Response:
    """What the hub answers somebody who asks for the time that somebody's lesson has left."""
    return campus.person(name).api("GET", f"campus/users/{of}/servers/{COURSE}/time")


def on_disk(campus: CampusUnderTest, name: str) -> str:
    """The lesson's notebook as it stands in the learner's home."""
    return (campus.home(name) / COURSE / LESSON / f"{LESSON}.ipynb").read_text()


def tell_that_it_ends_soon(campus: CampusUnderTest, name: str) -> None:
    """Signal the job's process, as the scheduler does; with this little time it did so at the start."""
    (record,) = (campus.home(name) / ".hpcampus" / "spawns").glob("*/process.json")
    pid = json.loads(record.read_text())["pid"]
    job = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(job[0]), signal.SIGUSR1)
