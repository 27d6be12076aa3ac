"""The first lesson, from log-in to feedback, by people in a browser: on this machine, and on a real Slurm."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from campus_under_test import CampusUnderTest, free_port, private_folder, wait_for
from hpcampus_hub.people import demo_homes
from hpcampus_hub.settings import Settings
from hpcampus_hub.up import twin_of
from people_in_browsers import COURSE, LESSON, SLOW, InBrowser
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


@contextmanager
def local_campus() -> Iterator[CampusUnderTest]:
    campus = CampusUnderTest(Settings(state=private_folder(), port=free_port()))
    campus.start()
    try:
        yield campus
    finally:
        campus.stop()


@contextmanager
def twin_campus() -> Iterator[CampusUnderTest]:
    settings = Settings(state=private_folder(), port=free_port(), site_id="leonardo")
    with demo_homes(settings), twin_of(settings) as on_twin:
        campus = CampusUnderTest(on_twin, as_root=True)
        campus.start()
        try:
            yield campus
        finally:
            campus.stop()


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(local_campus, id="local"),
        pytest.param(twin_campus, id="leonardo", marks=pytest.mark.slurm),
    ],
)
def campus(request: pytest.FixtureRequest) -> Iterator[CampusUnderTest]:
    """One campus for the whole journey."""
    with request.param() as campus:
        yield campus


def test_from_log_in_to_feedback(campus: CampusUnderTest, browser: Browser, screenshot) -> None:
    ada = InBrowser(browser, campus, "ada")
    screenshot(ada.page, "1-courses")
    ada.start_lesson()
    ada.until_lesson()
    screenshot(ada.page, "2-lesson")
    ada.write_answers()
    ada.run_all()
    dialog = ada.validate()
    screenshot(ada.page, "3-validated")
    expect(dialog).to_contain_text("Success! Your notebook passes all the tests.")
    ada.close_dialog()
    ada.submit()
    screenshot(ada.page, "4-submitted")
    receipt = ada.receipts(campus)[0]
    print(receipt)
