"""The first lesson, from log-in to feedback, by people in a browser: on this machine, and on a real Slurm."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from accessibility import barriers
from campus_under_test import CampusUnderTest, Somebody, wait_for
from people_in_browsers import COURSE, LESSON, InBrowser
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


def test_from_log_in_to_feedback(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Ada solves the lesson, Ben hands it in empty; Ines grades; each reads their own feedback alone."""
    ada = InBrowser(browser, campus, "ada")
    screenshot(ada.page, "1-courses")
    ada.start_lesson()
    ada.until_lesson()
    ada.write_answers()
    ada.run_all()
    dialog = ada.validate()
    screenshot(ada.page, "2-validated")
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.")
    ada.close_dialog()
    ada.submit()
    screenshot(ada.page, "3-submitted")
    receipt = the_receipt(ada, campus)

    ben = InBrowser(browser, campus, "ben")
    ben.start_lesson()
    ben.until_lesson()
    ben.submit()

    ines = InBrowser(browser, campus, "ines")
    screenshot(ines.page, "4-instructor")
    ines.start_lesson()
    ines.until_lab()
    row = ines.open_formgrader()
    ines.collect(row, submissions=2)
    ines.autograde("ben", "0 / 23")
    screenshot(ines.page, "5-formgrader")
    ines.type_in_terminal(f"campus grade {COURSE} {LESSON} --feedback")
    wait_for(lambda: feedback_is_released(campus, "ada", receipt), "feedback is released", 120)
    screenshot(ines.page, "6-campus-grade")

    feedback = ada.open_feedback()
    expect(feedback).to_contain_text("Score: 20 / 23")
    expect(feedback).to_contain_text("3 points, waits for a person to read it")
    screenshot(ada.page, "7-graded")
    expect(ben.open_feedback()).to_contain_text("Score: 0 / 23")
    screenshot(ben.page, "8-graded-zero")
    on_a_phone(browser, campus, "ada", receipt, screenshot)
    nobody_else_can_open(campus, "ben", receipt)


def the_receipt(person: InBrowser, campus: CampusUnderTest) -> dict[str, Any]:
    """The one receipt of the person; checks that it says what was handed in, by whom and when."""
    (receipt,) = person.receipts(campus)
    assert (receipt["learner"], receipt["course"], receipt["assignment"]) == (person.name, COURSE, LESSON)
    received = datetime.fromisoformat(receipt["received_at"])
    assert timedelta(0) <= datetime.now(UTC) - received < timedelta(minutes=5)
    files = campus.person(person.name).exchange("GET", f"submissions/{receipt['id']}/files")
    assert hashlib.sha256(files.content).hexdigest() == receipt["sha256"]
    return receipt


def feedback_is_released(campus: CampusUnderTest, name: str, receipt: dict[str, Any]) -> bool:
    return campus.person(name).exchange("GET", f"submissions/{receipt['id']}/feedback").ok


def on_a_phone(
    browser: Browser,
    campus: CampusUnderTest,
    name: str,
    receipt: dict[str, Any],
    screenshot: Callable[[Page, str], None],
) -> None:
    """The page of feedback needs no scrolling sideways, has no barriers, and names the points of checks."""
    packed = campus.person(name).exchange("GET", f"submissions/{receipt['id']}/feedback").content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        html = archive.read(f"{LESSON}.html").decode()
    page = browser.new_page(viewport={"width": 390, "height": 844}, is_mobile=True)
    page.set_content(html)
    screenshot(page, "9-feedback-on-a-phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert barriers(page) == []
    page.get_by_text(re.compile(r"launches|: \d+/\d+")).first.scroll_into_view_if_needed()
    screenshot(page, "10-named-points")
    page.close()


def nobody_else_can_open(campus: CampusUnderTest, other: str, receipt: dict[str, Any]) -> None:
    """Neither server nor submission nor receipt nor feedback of somebody else opens."""
    intruder: Somebody = campus.person(other)
    assert intruder.get(f"/user/{receipt['learner']}/{COURSE}/lab").status_code == 403
    for path in ("", "/files", "/feedback"):
        answer = intruder.exchange("GET", f"submissions/{receipt['id']}{path}")
        assert answer.status_code in {403, 404}, f"{path}: {answer.status_code}"
    listed = intruder.exchange("GET", f"submissions?course={COURSE}").json()
    assert {entry["receipt"]["learner"] for entry in listed} <= {other}
    assert intruder.exchange("GET", f"courses/{COURSE}/submissions").status_code == 403
