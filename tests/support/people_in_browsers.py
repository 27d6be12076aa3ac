"""What people do in a browser, by the names of what they do."""

import json
import re
from typing import Any

from browser_fixtures import SLOW
from campus_under_test import CampusUnderTest, wait_for
from hpcampus_courses import Catalogue
from hpcampus_hub.settings import COURSES
from playwright.sync_api import Browser, Locator, Page, expect

COURSE, LESSON = "gpu-numba", "lesson1"


def solutions(cell_type: str) -> list[str]:
    """The instructor's answer of every cell of this type that a learner writes, in order."""
    source = Catalogue.load(COURSES).source(COURSE, LESSON) / f"{LESSON}.ipynb"
    cells = json.loads(source.read_text())["cells"]
    written = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("solution")]
    answers = ["".join(cell["source"]) for cell in written if cell["cell_type"] == cell_type]
    return [re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", answer) for answer in answers]


class InBrowser:
    """One person with a browser window of their own."""

    def __init__(
        self, browser: Browser, campus: CampusUnderTest, name: str, timezone: str | None = None
    ) -> None:
        self.name, self.url = name, campus.settings.url
        passwords = json.loads((campus.settings.state / "passwords.json").read_text())
        context = browser.new_context(
            viewport={"width": 1280, "height": 860}, locale="en-GB", timezone_id=timezone
        )
        context.set_default_timeout(SLOW)
        self.page: Page = context.new_page()
        self.page.goto(self.url)
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(passwords[name])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/hub/home")

    def start_lesson(self) -> None:
        """Press Start beside the first lesson; the queue page, or already JupyterLab, is what comes next."""
        expect(self.page.get_by_role("heading", name="GPU programming with Numba")).to_be_visible()
        self.card().get_by_role("button", name="Start").first.click()

    def card(self, course: str = COURSE) -> Locator:
        """A course on the courses page."""
        return self.page.locator(f'section[aria-labelledby="course-{course}"]')

    def until_lab(self) -> None:
        """Wait for JupyterLab to open."""
        self.page.wait_for_url("**/lab**")
        expect(self.page.locator("#jp-main-dock-panel")).to_be_visible()

    def until_lesson(self) -> None:
        """Wait for JupyterLab to open at the lesson, with a kernel."""
        self.page.wait_for_url(f"**/lab/tree/{COURSE}/{LESSON}/{LESSON}.ipynb**")
        heading = self.page.get_by_role("heading", name="Lesson 1: one thread, one element")
        expect(heading).to_be_visible()
        self.until_kernel()

    def until_kernel(self) -> None:
        """Wait for the open notebook's kernel: what is run before it is there is silently lost."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def write_answers(self) -> None:
        """Replace what every answer cell holds by the instructor's solution, as if typed."""
        self._write_answers(self.page.locator(".jp-CodeCell", has_text="YOUR CODE HERE"), solutions("code"))
        text = self.page.locator(".jp-MarkdownCell", has_text="YOUR ANSWER HERE")
        text.locator(".jp-MarkdownOutput").dblclick()
        self._write_answers(text, solutions("markdown"))

    def _write_answers(self, cells: Locator, answers: list[str]) -> None:
        for left, answer in zip(range(len(answers), 0, -1), answers, strict=True):
            expect(cells).to_have_count(left)
            cells.first.locator(".cm-content").click()
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(answer)
        expect(cells).to_have_count(0)

    def write_over(self, old: str, text: str) -> None:
        """Replace what the first cell with the old text holds, and leave it unsaved."""
        self.page.locator(".jp-CodeCell", has_text=old).first.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def run_all(self) -> None:
        """Run all cells, wait until the last one is done, and save."""
        self.menu("Run", "Run All Cells")
        last = self.page.locator(".jp-CodeCell").last.locator(".jp-InputPrompt")
        expect(last).to_have_text(re.compile(r"\[\d+\]"))
        self.save()

    def save(self) -> None:
        """Save the open notebook and wait until it is: JupyterLab takes a save meanwhile for a conflict."""
        self.page.keyboard.press("Control+s")
        expect(self.page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)

    def run_cell(self, text: str) -> None:
        """Run the code cell that holds this text, and wait until it is done."""
        cell = self.page.locator(".jp-CodeCell", has_text=text)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        expect(cell.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]"))

    def validate(self) -> Locator:
        """Press nbgrader's Validate in the notebook's toolbar; returns the dialog that answers."""
        self.page.get_by_role("button", name="Validate").click()
        dialog = self.page.locator(".jp-Dialog")
        expect(dialog).to_be_visible()
        return dialog

    def close_dialog(self) -> None:
        """Press the dialog's only button."""
        self.page.locator(".jp-Dialog button").last.click()

    def open_assignments(self) -> Locator:
        """Open nbgrader's Assignment List; returns the panel."""
        self.menu("Nbgrader", "Assignment List")
        panel = self.page.locator("#nbgrader-assignment-list")
        expect(panel.locator("#fetched_assignments_list .list_item").first).to_be_visible()
        return panel

    def submit(self) -> None:
        """Press Submit in the Assignment List, and see the submission appear."""
        panel = self.open_assignments()
        panel.get_by_role("button", name="Submit").click()
        expect(panel.locator("#submitted_assignments_list .list_item").first).to_be_visible()

    def menu(self, menu: str, entry: str) -> None:
        """Choose an entry of JupyterLab's menu bar."""
        self.page.locator(".lm-MenuBar-item", has_text=menu).first.click()
        self.page.locator(".lm-Menu-item", has=self.page.get_by_text(entry, exact=True)).click()

    def type_in_terminal(self, command: str) -> None:
        """Open a terminal in JupyterLab and type a command."""
        self.page.goto(f"{self.url}/user/{self.name}/{COURSE}/lab?reset")
        self.until_lab()
        self.page.locator(".jp-LauncherCard", has_text="Terminal").click()
        self.page.locator(".jp-Terminal .xterm-helper-textarea").focus()
        self.page.keyboard.type(f"{command}\n")

    def open_formgrader(self, course: str = COURSE, lesson: str = LESSON) -> Locator:
        """Open Formgrader from the courses page; returns the assignment's row when it can be collected."""
        self.page.goto(f"{self.url}/hub/home")
        self.card(course).get_by_role("link", name="Open Formgrader").click()
        row = self.page.locator("#main-table tr", has_text=lesson)
        collect = row.locator(".collect a")
        wait_for(lambda: self._shows(collect), "the course folder is prepared", 120)
        return row

    def collect(self, row: Locator, submissions: int) -> None:
        """Press Collect in Formgrader and see so many submissions."""
        row.locator(".collect a").click()
        expect(self.page.locator(".modal-title")).to_contain_text("Success")
        self.page.locator(".modal.in .modal-footer button").click()
        expect(row.locator(".num-submissions")).to_have_text(str(submissions))

    def autograde(self, learner: str, score: str, course: str = COURSE, lesson: str = LESSON) -> None:
        """Press Autograde in Formgrader for one learner's submission, and see the score."""
        self.page.goto(f"{self.url}/user/{self.name}/{course}/formgrader/manage_submissions/{lesson}")
        row = self.page.locator("#main-table tr", has_text=learner)
        row.locator(".autograde a").click()
        expect(self.page.locator(".modal-title")).to_contain_text("Success")
        self.page.locator(".modal.in .modal-footer button").click()
        expect(self.page.locator(".modal.in")).to_have_count(0)
        expect(row.locator(".score")).to_have_text(score)

    def open_feedback(self) -> Locator:
        """Fetch the feedback in the Assignment List and open it; returns its text."""
        panel = self.page.locator("#nbgrader-assignment-list")
        panel.get_by_role("button", name="Fetch Feedback").click()
        panel.get_by_text("(view feedback)").click()
        self.page.locator(".jp-DirListing-item", has_text=f"{LESSON}.html").dblclick()
        return self.page.frame_locator(".jp-HTMLViewer iframe").locator("body")

    def receipts(self, campus: CampusUnderTest) -> list[dict[str, Any]]:
        """The receipts in the person's home."""
        folder = campus.home(self.name) / COURSE / LESSON / "receipts"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]

    def _shows(self, wanted: Locator) -> bool:
        """Whether the page has it after another look."""
        self.page.reload()
        self.page.wait_for_load_state("networkidle")
        return wanted.count() > 0
