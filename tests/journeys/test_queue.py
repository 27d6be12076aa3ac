"""Waiting for a place, giving it up, and learning why a job failed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from campus_under_test import CampusUnderTest, wait_for
from people_in_browsers import SLOW, InBrowser
from playwright.sync_api import Browser, Page, expect
from twins import full_cluster

pytestmark = pytest.mark.browser

Screenshot = Callable[[Page, str], None]


@contextmanager
def crowded(campus: CampusUnderTest) -> Iterator[None]:
    """Everything that the lesson could run on is taken for the length of the block."""
    if campus.settings.site_ids == ("local",):
        rosa = campus.person("rosa")
        assert rosa.start("", {"cpus": "8", "hours": "1"}).status_code == 302
        rosa.until_ready("")
        yield
        rosa.stop("")
        return
    with full_cluster(campus):
        yield


def test_a_place_in_the_queue(campus: CampusUnderTest, browser: Browser, screenshot: Screenshot) -> None:
    """The page says why the job waits, which place it has, and when it may start; then the lesson opens."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#queue-place")).to_have_text("1", timeout=SLOW)
        expect(ada.page.locator("#queue-message")).to_contain_text("Waiting in the queue.")
        expect(ada.page.locator("#queue-starts")).to_contain_text("it may move", timeout=SLOW)
        screenshot(ada.page, "1-waiting")
        ada.page.goto(f"{ada.url}/hub/home")
        ada.page.get_by_role("link", name="See the queue").click()
        expect(ada.page.locator("#queue-place")).to_have_text("1")
    ada.until_lesson()


def test_cancel_gives_the_place_up(campus: CampusUnderTest, browser: Browser) -> None:
    """Cancel takes the job out of the queue and leads back to the courses."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#queue-place")).to_have_text("1", timeout=SLOW)
        ada.page.get_by_role("button", name="Cancel").click()
        ada.page.wait_for_url("**/hub/home")
        wait_for(lambda: campus.person("ada").model("gpu-numba") is None, "the job is cancelled")
    ada.page.reload()
    expect(ada.page.get_by_role("button", name="Start")).to_be_visible()


def test_a_failed_job_says_why(campus: CampusUnderTest, browser: Browser, screenshot: Screenshot) -> None:
    """The learner sees the exit code and the end of the log, in which nothing counts as HTML."""
    profile = campus.home("ben") / ".bash_profile"
    profile.write_text("echo 'module: <b>not found</b>'\nexit 7\n")
    subprocess.run(["chown", f"--reference={campus.home('ada')}", str(profile)], check=True)
    profile.chmod(0o644)
    ben = InBrowser(browser, campus, "ben")
    try:
        ben.start_lesson()
        expect(ben.page.locator("main")).to_contain_text("exit code was 7", timeout=SLOW)
        screenshot(ben.page, "1-failed")
        expect(ben.page.locator("pre")).to_contain_text("module: <b>not found</b>")
    finally:
        profile.unlink()
    ben.page.goto(f"{ben.url}/hub/home")
    ben.start_lesson()
    ben.until_lesson()


def test_what_the_site_has_no_gpu_for_says_so(campus: CampusUnderTest) -> None:
    """On a site without a GPU the lesson runs on the CPU and the page says so; elsewhere it gets one."""
    ada = campus.person("ada")
    ada.start("gpu-numba", {"course": "gpu-numba"})
    asked = next(event["queue"]["explanation"] for event in ada.events("gpu-numba") if "queue" in event)
    expected = (
        "No GPU on this machine" if campus.settings.site_ids == ("local",) else "boost_usr_prod: 1 of 4"
    )
    assert expected in json.dumps(asked)
