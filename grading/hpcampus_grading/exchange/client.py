"""The exchange service as Python calls: one method a route, a sentence for every failure."""

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

import requests
from pydantic import TypeAdapter

from hpcampus_grading.archive import BadArchive, Limits, pack, unpack
from hpcampus_grading.messages import CourseInfo, FileEntry, Receipt, Release, Submission
from hpcampus_grading.notebooks import BadNotebook

_RELEASES = TypeAdapter(tuple[Release, ...])
_SUBMISSIONS = TypeAdapter(tuple[Submission, ...])
_COURSES = TypeAdapter(tuple[CourseInfo, ...])
# Every request may be repeated: the service gives the same receipt for the same submission.
_PAUSES = (0.3, 1.0, 2.0)
_TRY_AGAIN = frozenset({502, 503, 504})


class ExchangeProblem(RuntimeError):
    """The exchange refused, or could not be reached; the message is for the person who asked."""


class Client:
    """Talks to the exchange in the name of whoever owns the token."""

    def __init__(self, url: str, token: str, limits: Limits | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self.limits = limits or Limits()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The client of this notebook server; raises `ExchangeProblem` where there is none."""
        url, token = environment.get("CAMPUS_EXCHANGE_URL"), environment.get("JUPYTERHUB_API_TOKEN")
        if not url or not token:
            raise ExchangeProblem(
                "The exchange is not known here: CAMPUS_EXCHANGE_URL and JUPYTERHUB_API_TOKEN are not both "
                "set. Work in a notebook server that the hub started."
            )
        return cls(url, token)

    def courses(self) -> tuple[CourseInfo, ...]:
        """The courses that the caller is in."""
        return _COURSES.validate_json(self._ask("GET", "courses").content)

    def course(self, course: str) -> CourseInfo:
        """One course."""
        return CourseInfo.model_validate_json(self._ask("GET", f"courses/{course}").content)

    def releases(self, course: str) -> tuple[Release, ...]:
        """The released assignments of a course."""
        return _RELEASES.validate_json(self._ask("GET", f"courses/{course}/releases").content)

    def fetch(self, course: str, assignment: str, folder: Path) -> None:
        """Put the released files of an assignment into a folder."""
        self._download(f"courses/{course}/assignments/{assignment}/release", folder)

    def source(self, course: str, assignment: str, folder: Path) -> None:
        """Put the instructor's files of an assignment into a folder."""
        self._download(f"courses/{course}/assignments/{assignment}/source", folder)

    def release(self, course: str, assignment: str, folder: Path, files: Iterable[Path]) -> Release:
        """Release the files of a folder to the learners."""
        path = f"courses/{course}/assignments/{assignment}/release"
        return Release.model_validate_json(self._upload("PUT", path, folder, files).content)

    def withdraw(self, course: str, assignment: str) -> None:
        """Stop giving an assignment out."""
        self._ask("DELETE", f"courses/{course}/assignments/{assignment}/release")

    def submit(self, course: str, assignment: str, folder: Path, files: Iterable[Path]) -> Receipt:
        """Submit the files of a folder."""
        path = f"courses/{course}/assignments/{assignment}/submissions"
        return Receipt.model_validate_json(self._upload("POST", path, folder, files).content)

    def own_submissions(self, course: str = "", assignment: str = "") -> tuple[Submission, ...]:
        """The caller's submissions, oldest first."""
        reply = self._ask("GET", "submissions", params=_given(course=course, assignment=assignment))
        return _SUBMISSIONS.validate_json(reply.content)

    def submissions(self, course: str, assignment: str = "", learner: str = "") -> tuple[Submission, ...]:
        """Everybody's submissions, oldest first; for instructors."""
        wanted = _given(assignment=assignment, learner=learner)
        reply = self._ask("GET", f"courses/{course}/submissions", params=wanted)
        return _SUBMISSIONS.validate_json(reply.content)

    def collect(self, receipt: Receipt, folder: Path) -> tuple[FileEntry, ...]:
        """Put the files of a submission into a folder."""
        return self._download(f"submissions/{receipt.id}/files", folder)

    def give_feedback(self, submission: str, folder: Path, files: Iterable[Path]) -> None:
        """Release feedback pages on a submission."""
        self._upload("PUT", f"submissions/{submission}/feedback", folder, files)

    def fetch_feedback(self, submission: str, folder: Path) -> tuple[FileEntry, ...]:
        """Put the feedback on one's own submission into a folder."""
        return self._download(f"submissions/{submission}/feedback", folder)

    def _download(self, path: str, folder: Path) -> tuple[FileEntry, ...]:
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            file.write(self._ask("GET", path).content)
            file.flush()
            try:
                return unpack(Path(file.name), folder, self.limits)
            except (BadArchive, BadNotebook) as error:
                raise ExchangeProblem(f"What the exchange sent can't be used: {error}") from error

    def _upload(self, method: str, path: str, folder: Path, files: Iterable[Path]) -> requests.Response:
        with _packed(folder, files, self.limits) as body:
            return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: BinaryIO | None = None, **more: Any) -> requests.Response:
        for pause in (*_PAUSES, None):
            try:
                reply = self._once(method, path, body, **more)
                if reply.status_code not in _TRY_AGAIN or pause is None:
                    return _accepted(reply)
            except requests.RequestException as error:
                if pause is None:
                    raise ExchangeProblem(
                        f"The exchange can't be reached ({type(error).__name__}). Your files are still here; "
                        "try again in a few minutes, and tell your instructors if it goes on."
                    ) from error
            time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _once(self, method: str, path: str, body: BinaryIO | None, **more: Any) -> requests.Response:
        headers = dict(self._headers)
        if body is not None:
            body.seek(0)
            headers["Content-Type"] = "application/zip"
        with requests.Session() as session:
            session.trust_env = False  # no proxy, and no .netrc that would replace the token
            return session.request(
                method,
                f"{self._url}/{path}",
                data=body,
                headers=headers,
                timeout=(10, 120),
                allow_redirects=False,
                **more,
            )


@contextmanager
def _packed(folder: Path, files: Iterable[Path], limits: Limits) -> Iterator[BinaryIO]:
    """The zip of some files, after the checks that would refuse it later."""
    with tempfile.TemporaryFile(suffix=".zip") as target:
        body: BinaryIO = target
        chosen = list(files)
        if sum(path.stat().st_size for path in chosen) > limits.unpacked:
            raise ExchangeProblem(_too_large(folder, limits))
        pack(folder, body, chosen)
        if body.tell() > limits.packed:
            raise ExchangeProblem(_too_large(folder, limits))
        yield body


def _too_large(folder: Path, limits: Limits) -> str:
    return (
        f"The files in {folder} are too large to send: {limits.packed >> 20} MiB are allowed once packed. "
        "Remove data files and outputs that the work doesn't need, and try again."
    )


def _accepted(reply: requests.Response) -> requests.Response:
    if reply.status_code in (200, 201, 204):
        return reply
    try:
        detail = reply.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"The exchange answered {reply.status_code} {reply.reason}."
    raise ExchangeProblem(str(detail))


def _given(**parameters: str) -> dict[str, str]:
    """Only what is a name: nbgrader writes `*` for anything."""
    return {name: value for name, value in parameters.items() if value and value != "*"}
