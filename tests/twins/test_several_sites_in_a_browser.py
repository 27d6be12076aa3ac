"""One hub, two clusters side by side: what is free, which one is suggested, and the learner's choice."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_fixtures import chromium
from campus_under_test import CampusUnderTest, wait_for
from hpcampus_spawner.commands import QUERY_SECONDS
from people_in_browsers import InBrowser
from playwright.sync_api import Browser, Locator, Page, expect
from twins import commands, full_cluster, jobs, twin_campus

pytestmark = [pytest.mark.browser, pytest.mark.slurm]

Screenshot = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def two_sites() -> Iterator[CampusUnderTest]:
    """A hub with the twins of LEONARDO and LUMI."""
    with twin_campus("leonardo", "lumi") as campus:
        yield campus


def row(place: Page | Locator, site: str) -> Locator:
    """A site's row in a course's table, or in the form's."""
    return place.get_by_role("row").filter(has_text=site)


def until_row_says(page: Page, site: str, text: str, card: Locator | None = None) -> None:
    """Look again until the figures have caught up with the cluster, on the page or on a course's card."""

    def says() -> bool:
        page.goto(page.url)
        return text in row(card or page, site).inner_text()

    wait_for(says, f"{site}: {text}", 90)


def test_the_site_that_starts_first_is_suggested_and_the_choice_is_the_learners(
    two_sites: CampusUnderTest, browser: Browser, screenshot: Screenshot
) -> None:
    ada = InBrowser(browser, two_sites, "ada")
    page, card = ada.page, ada.card()
    until_row_says(page, "LEONARDO", "at once", card)
    expect(card.get_by_role("radio", name="LEONARDO")).to_be_checked()
    expect(card.get_by_role("group", name="Where it runs")).to_contain_text("No NVIDIA GPU on LUMI")
    screenshot(page, "1-both-free")
    with full_cluster(two_sites):
        until_row_says(page, "LEONARDO", "it may move", card)
        expect(card.get_by_role("radio", name="LUMI")).to_be_checked()
        expect(card.get_by_text("Suggested: LUMI has room now")).to_be_visible()
        screenshot(page, "2-leonardo-full")
        ada.start_lesson()
        ada.until_lab()
        assert "RUNNING" in jobs(two_sites, "lumi").values()
        two_sites.person("ada").stop_all()
        page.goto(f"{ada.url}/hub/home")
        card.get_by_role("radio", name="LEONARDO").check()
        ada.start_lesson()
        expect(page.locator("#queue-message")).to_contain_text("Waiting in the queue.")
        page.get_by_role("button", name="Cancel").click()
        page.wait_for_url("**/hub/home")


def test_a_cluster_that_falls_silent_keeps_its_last_figures_on_the_form(
    two_sites: CampusUnderTest, browser: Browser, screenshot: Screenshot
) -> None:
    """LEONARDO's slurmctld hangs for a while; the page doesn't."""
    rosa = InBrowser(browser, two_sites, "rosa")
    page = rosa.page
    page.goto(f"{rosa.url}/hub/spawn/rosa")
    until_row_says(page, "LEONARDO", "at once")
    screenshot(page, "1-form")
    pid = slurmctld(two_sites)
    os.kill(pid, signal.SIGSTOP)
    try:
        until_row_says(page, "LEONARDO", "the scheduler doesn't answer")
        began = time.monotonic()
        page.goto(page.url)
        assert time.monotonic() - began < QUERY_SECONDS  # nobody asked, and waited for an answer
        expect(page.get_by_role("radio", name="LUMI")).to_be_checked()
        expect(row(page, "LEONARDO")).to_contain_text("nodes idle")
        expect(page.get_by_text("Its scheduler doesn't answer. Figures from").first).to_be_visible()
        screenshot(page, "2-leonardo-silent")
    finally:
        os.kill(pid, signal.SIGCONT)


def slurmctld(campus: CampusUnderTest) -> int:
    """The process of LEONARDO's slurmctld."""
    folder = Path(commands(campus)["SLURM_CONF"]).parent
    return int((folder / "state" / "slurmctld.pid").read_text())
