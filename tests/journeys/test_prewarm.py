"""An instructor starts the class's notebooks ahead, sees them come up, and stops them."""

import re
from collections.abc import Callable

import pytest
from campus_under_test import CampusUnderTest
from people_in_browsers import InBrowser
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser


def row(page: Page, learner: str) -> Locator:
    """A learner's row in the table of the class."""
    return page.get_by_role("row").filter(has=page.get_by_role("checkbox", name=learner))


def check_metrics(campus: CampusUnderTest) -> None:
    """What monitoring hears of it, of a real scheduler too."""
    (site,) = campus.settings.site_ids
    seen = campus.metrics()

    def value(name: str, **labels: str) -> float:
        return seen.get((name, frozenset({"site": site, **labels}.items())), 0.0)

    assert value("campus_jobs", state="running") == 2
    for phase in ("submit", "queue", "report", "ready"):
        assert value("campus_start_seconds_count", phase=phase) >= 2
    for command in ("start",) if site == "local" else ("squeue", "sinfo", "scontrol", "sbatch"):
        assert value("campus_command_seconds_count", command=command, result="ok") > 0


def test_a_class_that_is_started_ahead(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """The table moves on by itself; the learner finds the lesson open; what the instructor started ends."""
    ines = InBrowser(browser, campus, "ines")
    page = ines.page
    ines.card().get_by_role("link", name=re.compile("Your class")).click()
    expect(page.get_by_role("heading", name="The class of GPU programming with Numba")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("Notebooks of the 2 on the roster: none: 2.")
    screenshot(page, "1-nobody")
    page.get_by_role("checkbox", name="ada").check()
    page.get_by_role("button", name="Start for those ticked").click()
    expect(row(page, "ada")).to_contain_text("you")
    screenshot(page, "2-on-the-way")
    page.get_by_role("checkbox", name="ben").check()
    expect(row(page, "ada")).to_contain_text("ready")
    expect(page.get_by_role("status")).to_have_text("Notebooks of the 2 on the roster: ready: 1, none: 1.")
    # The table was brought up to date below a tick.
    expect(page.get_by_role("checkbox", name="ben")).to_be_checked()
    page.get_by_role("button", name="Start for all").click()
    expect(row(page, "ben")).to_contain_text("ready")
    screenshot(page, "3-all-ready")

    ada = InBrowser(browser, campus, "ada")
    ada.page.get_by_role("link", name="Open JupyterLab").click()
    ada.until_lesson()

    check_metrics(campus)
    page.get_by_role("button", name="Stop all that I started").click()
    expect(page.get_by_role("status")).to_have_text("Notebooks of the 2 on the roster: none: 2.")
    screenshot(page, "4-stopped")
