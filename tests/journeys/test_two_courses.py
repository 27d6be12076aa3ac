"""Formgrader for two courses with two instructors each, one of whom teaches both."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from campus_under_test import CampusUnderTest, local_campus, private_folder, wait_for
from people_in_browsers import InBrowser
from playwright.sync_api import Browser, Page, expect

from tests.grading.conftest import COURSE as SUMS
from tests.grading.conftest import code, lesson
from tests.grading.test_service import archive

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
LESSON = "lesson1"
TEACHES = {"ines": ["sums"], "ivan": ["sums", "products"], "lena": ["products"]}


@pytest.fixture
def campus() -> Iterator[CampusUnderTest]:
    """ada learns in both courses."""
    folder = private_folder()
    try:
        for slug in ("sums", "products"):
            write_course(folder / "courses", slug)
        people = {"ada": {"shown_as": "learner", "groups": ["sums", "products"]}}
        for name, courses in TEACHES.items():
            groups = [f"{course}-instructors" for course in courses]
            people[name] = {"shown_as": "instructor", "groups": groups}
        (folder / "campus.yaml").write_text(yaml.safe_dump({"researchers": "researchers", "demo": people}))
        for place in [folder, *folder.rglob("*")]:
            place.chmod(0o755 if place.is_dir() else 0o644)
        with local_campus(courses=folder / "courses", people=folder / "campus.yaml") as campus:
            yield campus
    finally:
        shutil.rmtree(folder)


def write_course(courses: Path, slug: str) -> None:
    """Sums with one question more, for a person to grade."""
    source = courses / slug / "source" / LESSON
    source.mkdir(parents=True)
    notebook = lesson()
    notebook.cells.append(code("### BEGIN SOLUTION\n# why\n### END SOLUTION", "why", solution=True, points=2))
    nbformat.write(notebook, source / f"{LESSON}.ipynb")
    assignments = [{"slug": LESSON, "title": f"The first of {slug}", "points": 5}]
    names = {"slug": slug, "title": slug.title(), "roster": slug, "instructors": f"{slug}-instructors"}
    (courses / slug / "course.yaml").write_text(yaml.safe_dump({**SUMS, **names, "assignments": assignments}))


def hand_in(campus: CampusUnderTest, course: str) -> None:
    """ada answers everything right, and the last question in words."""
    ada = campus.person("ada")
    release = ada.exchange("GET", f"courses/{course}/assignments/{LESSON}/release")
    assert release.ok, release.text
    notebook = lesson()
    notebook.cells.append(code(f"# because of {course}", "why", solution=True, points=2))
    packed = archive(lesson1=nbformat.writes(notebook))
    assert ada.exchange("POST", f"courses/{course}/assignments/{LESSON}/submissions", data=packed).ok


def test_every_instructor_grades_their_courses(
    campus: CampusUnderTest, browser: Browser, screenshot: Callable[[Page, str], None]
) -> None:
    """Each sees their own courses' work alone; what one gave by hand, the other has too."""
    for course in ("sums", "products"):
        hand_in(campus, course)
    for name, courses in TEACHES.items():
        for course in courses:
            assert campus.person(name).start(course, {"course": course}).ok
    for name, courses in TEACHES.items():
        for course in courses:
            campus.person(name).until_ready(course)
    ines = InBrowser(browser, campus, "ines")
    grade(ines, "sums", "3 / 5")
    give_points(ines, "sums", "1.5")
    release_feedback(ines, "sums")
    ivan = InBrowser(browser, campus, "ivan")
    grade(ivan, "products", "3 / 5")
    grade(ivan, "sums", "4.5 / 5")  # with what ines gave by hand
    screenshot(ivan.page, "1-second-instructor")
    lena = InBrowser(browser, campus, "lena")
    grade(lena, "products", "3 / 5")
    assert lena.page.goto(f"{lena.url}/user/ivan/sums/formgrader").status == 403  # type: ignore[union-attr]
    in_jupyterlab_it_is_a_tab(ivan, screenshot)


def grade(person: InBrowser, course: str, score: str) -> None:
    """Collect and autograde in Formgrader; its page must stay out of frames."""
    row = person.open_formgrader(course, f"{LESSON}")
    answer = person.page.reload()
    assert answer is not None
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    person.collect(row, submissions=1)
    person.autograde("ada", score, course, LESSON)


def give_points(person: InBrowser, course: str, points: str) -> None:
    """Grade the question by hand, on nbgrader's own page."""
    formgrader = f"{person.url}/user/{person.name}/{course}/formgrader"
    (found,) = person.page.request.get(f"{formgrader}/api/submitted_notebooks/{LESSON}/{LESSON}").json()
    person.page.goto(f"{formgrader}/submissions/{found['id']}/")
    cell = person.page.locator(".nbgrader_cell").last
    # The page listens to the boxes only once it knows the scores; this is what it writes into them then.
    expect(cell.locator("input.extra-credit")).to_have_attribute("placeholder", "0")
    box = cell.locator("input.score")
    box.fill(points)
    with person.page.expect_response(lambda answer: "/formgrader/api/grade/" in answer.url and answer.ok):
        box.press("Tab")


def release_feedback(person: InBrowser, course: str) -> None:
    """Press both buttons for it."""
    row = person.open_formgrader(course, LESSON)
    for button in (".generate-feedback a", ".release-feedback a"):
        row.locator(button).click()
        expect(person.page.locator(".modal-title")).to_contain_text("Success")
        person.page.locator(".modal.in .modal-footer button").click()
        expect(person.page.locator(".modal.in")).to_have_count(0)


def in_jupyterlab_it_is_a_tab(person: InBrowser, screenshot: Callable[[Page, str], None]) -> None:
    """nbgrader would open it in a frame of JupyterLab, which the header forbids."""
    person.page.goto(f"{person.url}/user/{person.name}/sums/lab")
    person.until_lab()
    with person.page.context.expect_page() as opened:
        person.menu("Nbgrader", "Formgrader")
    wait_for(lambda: "/sums/formgrader" in opened.value.url, "Formgrader opens in a tab")
    expect(opened.value.locator("#main-table")).to_contain_text(LESSON)
    screenshot(opened.value, "2-from-jupyterlab")
