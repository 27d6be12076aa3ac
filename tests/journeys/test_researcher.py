"""A researcher chooses resources and watches Dask work."""

import re
from collections.abc import Callable

import pytest
from campus_under_test import CampusUnderTest
from people_in_browsers import InBrowser
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


def test_resource_form_and_dask_dashboard(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """The form is kept to the site's limits; the dashboard opens through the notebook server."""
    rosa = InBrowser(browser, campus, "rosa")
    page = rosa.page
    page.get_by_role("link", name="Choose resources").click()
    page.get_by_label("GPUs").fill("0")
    page.get_by_label("CPUs").fill("2")
    page.get_by_label("Memory").fill("4")
    page.get_by_label("Hours").fill("1")
    screenshot(page, "1-form")
    page.get_by_role("button", name="Start").click()
    rosa.until_lab()
    page.goto(f"{rosa.url}/user/rosa/lab/tree/notebooks/dask_first_steps.ipynb")
    rosa.until_kernel()
    rosa.run_cell("LocalCluster(")
    rosa.run_cell("client.dashboard_link")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=re.compile("Dashboard of this cluster")).click()
    expect(opened.value).to_have_title(re.compile("Dask"))
    assert re.search(r"/user/rosa/proxy/\d+/status", opened.value.url)
    expect(opened.value.locator(".bk-Canvas").first).to_be_visible()
    screenshot(opened.value, "2-dashboard")


def test_several_notebooks_of_ones_own(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """A second notebook has a name, stands in the list, starts and stops there, and remembers its options."""
    rosa = InBrowser(browser, campus, "rosa")
    page = rosa.page
    page.get_by_label("One more, called").fill("trial-7")
    page.get_by_role("button", name="Choose its resources").click()
    page.get_by_label("CPUs").fill("3")
    page.get_by_role("button", name="Start").click()
    rosa.until_lab()
    assert "/user/rosa/trial-7/" in page.url
    page.goto(f"{rosa.url}/hub/home")
    card = page.get_by_role("region", name="trial-7")
    expect(card.get_by_role("link", name="Open JupyterLab")).to_be_visible()
    expect(page.get_by_role("region", name="JupyterLab").get_by_role("link")).to_have_text("Choose resources")
    screenshot(page, "1-two-notebooks")
    card.get_by_role("button", name="Stop").click()
    expect(card.get_by_role("link", name="Choose resources")).to_be_visible()
    card.get_by_role("link", name="Choose resources").click()
    expect(page.get_by_label("CPUs")).to_have_value("3")
    page.goto(f"{rosa.url}/hub/home")
    card.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
