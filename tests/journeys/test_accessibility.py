"""Nobody is kept out of our own pages: every one of them, as axe-core and WCAG 2.1 AA see it."""

from collections.abc import Callable

import pytest
from accessibility import barriers
from campus_under_test import CampusUnderTest, local_campus
from people_in_browsers import COURSE, LESSON, InBrowser
from playwright.sync_api import Browser, Page, expect

from tests.grading.test_service import answer_notebook, archive

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("running_campus", [pytest.param(local_campus, id="local")], indirect=True),
]


def test_our_pages_have_no_barriers(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """From the log-in to the end of a notebook, and what goes wrong on the way."""
    found: dict[str, list[str]] = {}

    def judge(name: str, page: Page) -> None:
        found[name] = barriers(page)
        screenshot(page, name)

    stranger = browser.new_page()
    stranger.goto(f"{campus.settings.url}/hub/login")
    judge("log-in", stranger)
    stranger.get_by_label("Username").fill("ada")
    stranger.get_by_label("Password").fill("not hers")
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.locator(".login_error")).to_be_visible()
    judge("log-in-refused", stranger)
    stranger.close()

    otto = InBrowser(browser, campus, "otto")
    judge("operator", otto.page)

    rosa = InBrowser(browser, campus, "rosa")
    judge("own-notebooks", rosa.page)
    rosa.page.get_by_role("link", name="Choose resources").click()
    judge("form", rosa.page)
    rosa.page.goto(f"{rosa.url}/hub/spawn/rosa?opt-cpus=many")
    judge("refused", rosa.page)
    rosa.page.goto(f"{rosa.url}/hub/spawn/rosa")
    rosa.page.get_by_label("CPUs").fill("8")
    rosa.page.get_by_role("button", name="Start").click()
    rosa.until_lab()

    ada = InBrowser(browser, campus, "ada")
    judge("courses", ada.page)
    ines = InBrowser(browser, campus, "ines")
    judge("instructor", ines.page)
    ines.page.goto(f"{ines.url}/hub/campus/classes/{COURSE}")
    judge("class", ines.page)
    hand_in(campus)
    for name in ("deadlines", f"status?assignment={LESSON}"):
        ines.page.goto(f"{ines.url}/hub/campus/courses/{COURSE}/{name}")
        judge(name.partition("?")[0], ines.page)
    ada.start_lesson()
    expect(ada.page.locator("#queue-place")).to_have_text("1")
    judge("queue", ada.page)
    otto.page.goto(f"{otto.url}/hub/campus/jobs")
    judge("jobs", otto.page)
    ada.page.get_by_role("button", name="Cancel").click()
    ada.page.wait_for_url("**/hub/home")
    ada.page.goto(f"{ada.url}/user/ada/{COURSE}/lab")
    judge("not-running", ada.page)
    ada.page.goto(f"{ada.url}/hub/no-such-page")
    judge("error", ada.page)

    said = "\n".join(f"{name}: {problem}" for name, problems in found.items() for problem in problems)
    assert not said, said


def hand_in(campus: CampusUnderTest) -> None:
    """What fills the tables: ben has handed in and is graded, and has more time."""
    ben, ines = campus.person("ben"), campus.person("ines")
    place = f"courses/{COURSE}/assignments/{LESSON}"
    receipt = ben.exchange("POST", f"{place}/submissions", data=archive(lesson1=answer_notebook())).json()
    cell = {"notebook": LESSON, "cell": "add-values-test", "auto": 1, "points": 1}
    grade = {"submission": receipt["id"], "score": 1, "max_score": 20, "cells": [cell]}
    assert ines.exchange("PUT", f"{place}/grades", json={"reason": "graded", "grades": [grade]}).ok
