"""Lists for nbgrader's panels, in the shape that they read."""

import hashlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.exchange import abc

from hpcampus_grading.exchange.base import Exchange
from hpcampus_grading.messages import FileEntry, Release, Submission, timestamp


class ExchangeList(Exchange, abc.ExchangeList):  # type: ignore[misc]
    """What is released; with `cached` one's own submissions; with `inbound` everybody's, for instructors."""

    def copy_files(self) -> None:
        """Nothing is copied to make a list."""

    def list_files(self) -> list[dict[str, Any]]:
        """The list, also written to the log for who typed `nbgrader list`."""
        if not (self.inbound or self.cached):
            released = [self._released(release) for release in self._releases()]
            self._say("Released assignments:", [_line(entry) for entry in released])
            return released
        submitted = self._by_assignment(self._submissions())
        lines = [_line(entry) for group in submitted for entry in group["submissions"]]
        self._say("Submitted assignments:", lines)
        return submitted

    def remove_files(self) -> list[dict[str, Any]]:
        """Withdraw the released assignments that are listed; submissions are never removed."""
        if self.inbound or self.cached:
            self.fail("Submissions can't be removed: receipts have been given for them.")
        listed = self.list_files()
        for entry in listed:
            self.client.withdraw(entry["course_id"], entry["assignment_id"])
            entry["status"] = "removed"
        return listed

    def _say(self, title: str, lines: list[str]) -> None:
        for line in (title, *lines):
            self.log.info(line)

    def _courses(self) -> list[str]:
        wanted = str(self.coursedir.course_id) if self.coursedir else ""
        return [wanted] if wanted not in ("", "*") else [course.slug for course in self.client.courses()]

    def _wanted_assignment(self) -> str:
        return self.assignment if self.coursedir and self.assignment != "*" else ""

    def _releases(self) -> Iterator[Release]:
        for course in self._courses():
            for release in self.client.releases(course):
                if self._wanted_assignment() in ("", release.assignment):
                    yield release

    def _submissions(self) -> list[Submission]:
        assignment = self._wanted_assignment()
        if self.cached:
            found = [s for c in self._courses() for s in self.client.own_submissions(c, assignment)]
        else:
            learner = str(self.coursedir.student_id)
            found = [s for c in self._courses() for s in self.client.submissions(c, assignment, learner)]
        return sorted(found, key=_group)

    def _released(self, release: Release) -> dict[str, Any]:
        folder = self.learner_folder(release.course, release.assignment)
        fetched = folder.is_dir()
        names = sorted(folder.glob("*.ipynb")) if fetched else _notebooks(release.files)
        return {
            "course_id": release.course,
            "assignment_id": release.assignment,
            "status": "fetched" if fetched else "released",
            "path": str(folder) if fetched else "",
            "notebooks": [{"notebook_id": path.stem, "path": str(path)} for path in names],
        }

    def _by_assignment(self, submissions: list[Submission]) -> list[dict[str, Any]]:
        return [
            {
                "course_id": course,
                "assignment_id": assignment,
                "student_id": learner,
                "status": "submitted",
                "submissions": [self._submitted(submission) for submission in group],
            }
            for (course, learner, assignment), group in groupby(submissions, key=_group)
        ]

    def _submitted(self, submission: Submission) -> dict[str, Any]:
        receipt = submission.receipt
        local = self.feedback_folder(submission)
        notebooks = [self._page(submission, name.stem, local) for name in _notebooks(receipt.files)]
        here = bool(notebooks) and all(page["has_local_feedback"] for page in notebooks)
        return {
            "course_id": receipt.course,
            "assignment_id": receipt.assignment,
            "student_id": receipt.learner,
            "timestamp": timestamp(receipt.received_at),
            "status": "submitted",
            "path": "",
            "notebooks": notebooks,
            "has_local_feedback": here,
            "has_exchange_feedback": submission.feedback is not None,
            "feedback_updated": any(page["feedback_updated"] for page in notebooks),
            "local_feedback_path": str(local) if here else None,
            "receipt": receipt.id,
            "late_seconds": submission.late_seconds,
        }

    def _page(self, submission: Submission, notebook: str, local: Path) -> dict[str, Any]:
        """One notebook's page of feedback, at the exchange and here."""
        released = (
            {entry.path: entry.sha256 for entry in submission.feedback.files} if submission.feedback else {}
        )
        page = local / f"{notebook}.html"
        here = hashlib.sha256(page.read_bytes()).hexdigest() if page.is_file() else None
        there = released.get(page.name)
        return {
            "notebook_id": notebook,
            "path": "",
            "has_local_feedback": here is not None,
            "has_exchange_feedback": there is not None,
            "local_feedback_path": str(page) if here else None,
            "feedback_updated": here is not None and there is not None and here != there,
        }


def _group(submission: Submission) -> tuple[str, str, str]:
    receipt = submission.receipt
    return receipt.course, receipt.learner, receipt.assignment


def _notebooks(files: tuple[FileEntry, ...]) -> list[PurePosixPath]:
    """The notebooks at the top of an archive: those that nbgrader grades."""
    paths = [PurePosixPath(entry.path) for entry in files]
    return [path for path in paths if path.suffix == ".ipynb" and len(path.parts) == 1]


def _line(entry: dict[str, Any]) -> str:
    words = [
        entry["course_id"],
        entry.get("student_id", ""),
        entry["assignment_id"],
        entry.get("timestamp", ""),
    ]
    state = "(already downloaded)" if entry["status"] == "fetched" else ""
    if entry["status"] == "submitted" and entry["has_exchange_feedback"]:
        fetched = entry["has_local_feedback"] and not entry["feedback_updated"]
        state = "(feedback already fetched)" if fetched else "(feedback ready to be fetched)"
    return " ".join(word for word in (*words, state) if word)
