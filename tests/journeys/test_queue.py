"""Waiting for a place, giving it up, and learning why a job failed."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from browser_fixtures import SLOW
from campus_under_test import CampusUnderTest, local_campus, wait_for
from people_in_browsers import COURSE, InBrowser
from playwright.sync_api import Browser, Page, expect
from twins import full_cluster

pytestmark = pytest.mark.browser

BELL = Path(__file__).with_name("bell.js")
Screenshot = Callable[[Page, str], None]


@contextmanager
def crowded(campus: CampusUnderTest) -> Iterator[None]:
    """Everything that the lesson could run on is taken for the length of the block."""
    if campus.settings.site_ids == ("local",):
        rosa = campus.person("rosa")
        assert rosa.start("", {"cpus": "8", "hours": "1"}).status_code == 302
        rosa.until_ready("")
        try:
            yield
        finally:
            rosa.stop("")
        return
    with full_cluster(campus):
        yield


def happened(page: Page) -> list[str]:
    """The history on the page, without its times."""
    return page.locator("#history li > span").all_inner_texts()


def written(campus: CampusUnderTest, learner: str) -> int:
    """How many events of the learner's live spawn the hub's database has."""
    path = f"file:{campus.settings.state}/spawns.sqlite?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as database:
        joined = "campus_events JOIN campus_spawns USING (spawn_id)"
        question = f"SELECT count(*) FROM {joined} WHERE learner = ? AND ended IS NULL"
        return int(database.execute(question, [learner]).fetchone()[0])


HANDED_OVER = re.compile(r"The scheduler has your job: its number is \d+\.")


def test_a_place_in_the_queue(campus: CampusUnderTest, browser: Browser, screenshot: Screenshot) -> None:
    """Why the job waits, its place, when it may start and what happened so far; then the lesson opens."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#queue-place")).to_have_text("1")
        expect(ada.page.locator("#queue-message")).to_contain_text("Waiting in the queue.")
        estimate = re.compile(r"about .+ \(the scheduler said so \d+ s ago; it may move\)")
        expect(ada.page.locator("#queue-starts")).to_have_text(estimate)
        expect(ada.page.locator("#history")).to_contain_text("estimate of the start")
        screenshot(ada.page, "1-waiting")
        expect(ada.page.get_by_text("You may close this page")).to_be_visible()
        told = happened(ada.page)
        assert HANDED_OVER.fullmatch(told[0])
        ada.page.reload()
        assert happened(ada.page)[: len(told)] == told
        ada.page.goto(f"{ada.url}/hub/home")
        ada.page.get_by_role("link", name="See the queue").click()
        expect(ada.page.locator("#queue-place")).to_have_text("1")
        assert happened(ada.page)[: len(told)] == told
    ada.until_lesson()


def test_whoever_asked_is_told_when_it_is_ready(campus: CampusUnderTest, browser: Browser) -> None:
    """A tab in the background rings, once, and waits for its person; what is new is read out."""
    ada = InBrowser(browser, campus, "ada")
    page = ada.page
    page.context.grant_permissions(["notifications"], origin=ada.url)
    page.add_init_script(path=BELL)
    with crowded(campus):
        ada.start_lesson()
        bell = page.get_by_role("button", name="Tell me when it is ready")
        bell.click()
        expect(bell).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#queue-place")).to_have_text("1")
        page.reload()
        expect(bell).to_have_attribute("aria-pressed", "true")
        page.evaluate("turnAway()")
    expect(page.get_by_role("status")).to_contain_text("Your job runs on")
    page.wait_for_function("rung.length > 0")
    assert page.evaluate("rung") == ["Your notebook is ready"]
    assert "/spawn-pending/" in page.url
    page.evaluate("comeBack()")
    ada.until_lesson()


@pytest.mark.parametrize("running_campus", [pytest.param(local_campus, id="local")], indirect=True)
def test_without_javascript_the_page_looks_again_by_itself(
    campus: CampusUnderTest, browser: Browser, screenshot: Screenshot
) -> None:
    """It shows the same, every ten seconds anew, and leads to the lesson in the end."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#history")).to_contain_text("estimate of the start")
        told = happened(ada.page)
        plain = browser.new_context(java_script_enabled=False, storage_state=ada.page.context.storage_state())
        page = plain.new_page()
        page.goto(f"{ada.url}/hub/spawn-pending/ada/{COURSE}")
        assert page.locator("#queue-place").inner_text() == "1"
        assert "Waiting in the queue." in page.locator("#queue-message").inner_text()
        assert "it may move" in page.locator("#queue-starts").inner_text()
        without_times = [re.sub(r"start: .*", "start:", text) for text in (*told, *happened(page))]
        assert without_times[len(told) :][: len(told)] == without_times[: len(told)]
        screenshot(page, "1-without-javascript")
        ada.page.close()
    page.wait_for_url("**/lab/tree/**", timeout=SLOW)
    plain.close()


@pytest.mark.parametrize("running_campus", [pytest.param(local_campus, id="local")], indirect=True)
def test_the_page_outlives_the_hub(campus: CampusUnderTest, browser: Browser, screenshot: Screenshot) -> None:
    """Fault: the hub is killed. Expected: the open page says so and comes back. Kept: place and history."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#history")).to_contain_text("estimate of the start")
        told = happened(ada.page)
        wait_for(lambda: written(campus, "ada") >= len(told), "the history is written")
        campus.kill()
        expect(ada.page.locator("#queue-message")).to_contain_text("your place is kept")
        campus.start()
        expect(ada.page.locator("#history")).to_contain_text("has found your job again")
        expect(ada.page.locator("#queue-place")).to_have_text("1")
        screenshot(ada.page, "1-after-the-restart")
        assert happened(ada.page)[: len(told)] == told
    ada.until_lesson()


@pytest.mark.parametrize("running_campus", [pytest.param(local_campus, id="local")], indirect=True)
def test_cancel_hits_the_right_notebook(campus: CampusUnderTest, browser: Browser) -> None:
    """Of two notebooks the one that waits is given up, and the other goes on; another tab hears of it."""
    rosa = InBrowser(browser, campus, "rosa")
    with crowded(campus):
        rosa.page.get_by_label("One more, called").fill("trial")
        rosa.page.get_by_role("button", name="Choose its resources").click()
        rosa.page.get_by_role("button", name="Start").first.click()
        expect(rosa.page.locator("#queue-place")).to_have_text("1")
        other = rosa.page.context.new_page()
        other.goto(rosa.page.url)
        rosa.page.get_by_role("button", name="Cancel").click()
        rosa.page.wait_for_url("**/hub/home")
        expect(other.locator("#queue-message")).to_have_text("It was cancelled.")
        unnamed, trial = campus.person("rosa").model(""), campus.person("rosa").model("trial")
        assert trial is None
        assert unnamed is not None
        assert unnamed["ready"]
        # The campus is shared: others look for the only notebook there is.
        card = rosa.page.get_by_role("region", name="trial")
        card.get_by_role("button", name="Remove").click()
        expect(card).to_have_count(0)


def test_cancel_gives_the_place_up(campus: CampusUnderTest, browser: Browser) -> None:
    """Cancel takes the job out of the queue and leads back to the courses."""
    ada = InBrowser(browser, campus, "ada")
    with crowded(campus):
        ada.start_lesson()
        expect(ada.page.locator("#queue-place")).to_have_text("1")
        ada.page.get_by_role("button", name="Cancel").click()
        ada.page.wait_for_url("**/hub/home")
        wait_for(lambda: campus.person("ada").model("gpu-numba") is None, "the job is cancelled")
    ada.page.reload()
    expect(ada.card().get_by_role("button", name="Start").first).to_be_visible()


def test_a_failed_job_says_why(campus: CampusUnderTest, browser: Browser, screenshot: Screenshot) -> None:
    """The learner sees the exit code and the end of the log, in which nothing counts as HTML."""
    profile = campus.home("ben") / ".bash_profile"
    profile.write_text("echo 'module: <b>not found</b>'\nexit 7\n")
    subprocess.run(["chown", f"--reference={campus.home('ada')}", str(profile)], check=True)
    profile.chmod(0o644)
    ben = InBrowser(browser, campus, "ben")
    try:
        ben.start_lesson()
        expect(ben.page.locator("main")).to_contain_text("exit code was 7")
        screenshot(ben.page, "1-failed")
        expect(ben.page.locator("pre")).to_contain_text("module: <b>not found</b>")
        ben.page.reload()
        expect(ben.page.locator("pre")).to_contain_text("module: <b>not found</b>")
        expect(ben.page.locator("#history li").last).to_contain_text("exit code was 7")
        screenshot(ben.page, "2-after-a-reload")
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
