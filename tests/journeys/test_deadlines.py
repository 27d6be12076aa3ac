"""Deadlines where people look: an instructor gives more by their own clock, a learner reads it by theirs."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from campus_under_test import CampusUnderTest, local_campus, private_folder
from hpcampus_hub.settings import COURSES
from people_in_browsers import COURSE, InBrowser
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"


@pytest.fixture
def courses() -> Iterator[Path]:
    """The course, with a deadline and two attempts."""
    folder = private_folder()
    shutil.copytree(COURSES / COURSE, folder / COURSE)
    path = folder / COURSE / "course.yaml"
    course = yaml.safe_load(path.read_text())
    course["assignments"][0] |= {"due": "2031-03-04T12:00:00Z", "late": [], "attempts": 2}
    path.write_text(yaml.safe_dump(course))
    for place in [folder, *folder.rglob("*")]:
        place.chmod(0o755 if place.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


def test_everybody_reads_deadlines_by_their_own_clock(
    courses: Path, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Typed in New York at seven in the morning, shown in Tokyo at nine in the evening."""
    with local_campus(courses=courses) as campus:
        give_ada_more(InBrowser(browser, campus, "ines", NEW_YORK), campus, screenshot)
        ada = InBrowser(browser, campus, "ada", TOKYO)
        expect(ada.page.locator("form time").first).to_have_text("11 Mar 2031, 20:00")
        ada.start_lesson()
        ada.until_lesson()
        shown = ada.open_assignments().get_by_role("region", name="Deadlines")
        expect(shown).to_contain_text("due 11 Mar 2031, 20:00 (your own extension)")
        expect(shown).to_contain_text("nothing is accepted after 11 Mar 2031, 20:00; submitted 0 of 3 times")
        ada.submit()
        expect(shown).to_contain_text("submitted 1 of 3 times")
        screenshot(ada.page, "2-in-jupyterlab")
        ada.page.goto(f"{ada.url}/hub/home")
        expect(ada.page.locator("main time").first).to_have_text("11 Mar 2031, 20:00")  # also while it runs


def give_ada_more(ines: InBrowser, campus: CampusUnderTest, screenshot: Callable[[Page, str], None]) -> None:
    """By the form, whose script tells the hub how far this clock is from UTC."""
    ines.card().get_by_role("link", name="Deadlines and extensions").click()
    expect(ines.page.locator("dd time").first).to_have_text("4 Mar 2031, 07:00")
    expect(ines.page.locator("#zone")).to_have_text(NEW_YORK)
    ines.page.get_by_label("Learner").fill("ada")
    ines.page.get_by_label("New due date").fill("2031-03-11T07:00")  # summer time there since two days
    ines.page.get_by_label("More attempts").fill("1")
    ines.page.get_by_label("Why", exact=True).fill("was ill")
    ines.page.get_by_role("button", name="Give").click()
    row = ines.page.get_by_role("row", name="ada")
    expect(row.locator("time").first).to_have_text("11 Mar 2031, 07:00")
    screenshot(ines.page, "1-deadlines")
    own = campus.person("ada").exchange("GET", f"courses/{COURSE}").json()["assignments"][0]
    assert (own["due"], own["attempts"], own["extended"]) == ("2031-03-11T11:00:00Z", 3, True)
