"""The proxy dies below an open notebook: JupyterLab finds its way back by itself."""

import os
import signal
from collections.abc import Callable

import pytest
from campus_under_test import CampusUnderTest, local_campus, wait_for
from people_in_browsers import InBrowser
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("running_campus", [pytest.param(local_campus, id="local")], indirect=True)
def test_an_open_notebook_goes_on_when_the_proxy_is_back(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Fault: SIGKILL for the proxy. Expected: nothing to be clicked away, nothing to be loaded again; cells
    run as before. Kept: what the kernel knows, and what was typed."""
    ben = InBrowser(browser, campus, "ben")
    ben.start_lesson()
    ben.until_lesson()
    ben.write_over("YOUR CODE HERE", "mark = 'from before'")
    ben.run_cell("mark = ")
    ben.write_over("YOUR CODE HERE", "print(mark, 'and after')")
    ben.page.evaluate("window.neverLoadedAgain = true")
    before = campus.settings.proxy_pid_file.read_text()
    os.kill(int(before), signal.SIGKILL)
    wait_for(lambda: proxy_of(campus) not in ("", before), "there is another proxy")
    ben.run_cell("and after")
    expect(ben.page.locator(".jp-OutputArea-output", has_text="from before and after")).to_be_visible()
    expect(ben.page.locator(".hpcampus-time-message", has_text="can't reach")).to_be_hidden()
    expect(ben.page.locator(".jp-Dialog")).to_have_count(0)
    assert ben.page.evaluate("window.neverLoadedAgain")
    screenshot(ben.page, "1-afterwards")


def proxy_of(campus: CampusUnderTest) -> str:
    """The proxy's process, as the hub has noted it; empty while it starts one."""
    try:
        return campus.settings.proxy_pid_file.read_text()
    except FileNotFoundError:
        return ""
