"""The exchange service as Python calls: one method a route, a sentence for every failure."""

import io
import os
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Self

import requests
from hpcampus_spawner.tls import hub_context
from pydantic import TypeAdapter
from requests.adapters import HTTPAdapter

from hpcampus_grading.archive import BadArchive, Limits, pack, unpack
from hpcampus_grading.class_messages import CourseStatus, LearnerStatus
from hpcampus_grading.clock import utc_now
from hpcampus_grading.lti.messages import SendReport, SendWish
from hpcampus_grading.messages import (
    CourseInfo,
    Decision,
    FileEntry,
    Grade,
    GradeChange,
    Grades,
    RaisedFlag,
    Receipt,
    RecordedGrade,
    Release,
    Submission,
    Verdict,
)
from hpcampus_grading.notebooks import BadNotebook

_RELEASES = TypeAdapter(tuple[Release, ...])
_SUBMISSIONS = TypeAdapter(tuple[Submission, ...])
_COURSES = TypeAdapter(tuple[CourseInfo, ...])
_RECORDED = TypeAdapter(tuple[RecordedGrade, ...])
_LEARNERS = TypeAdapter(tuple[LearnerStatus, ...])
_FLAGS = TypeAdapter(tuple[RaisedFlag, ...])
_CHANGES = TypeAdapter(tuple[GradeChange, ...])
# Every request may be repeated: the service gives the same receipt for the same submission.
_PAUSES = (0.3, 1.0, 2.0)
# A submission is worth more patience: a deadline may be near. An exchange that died is back in a second or
# two, so at first it is asked often: who asks seldom waits for twice as long as it was away.
_PATIENCE = (*(0.2,) * 6, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0)
_LONGEST_SECONDS = 90.0
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
        """Submit the files of a folder; however often this has to be sent, it is one submission."""
        path = f"courses/{course}/assignments/{assignment}/submissions"
        named = {"Idempotency-Key": uuid.uuid4().hex, "Sent-At": utc_now().isoformat()}
        return Receipt.model_validate_json(self._upload("POST", path, folder, files, named).content)

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

    def record_grades(
        self, course: str, assignment: str, grades: Iterable[Grade], reason: str
    ) -> tuple[GradeChange, ...]:
        """Record grades with the exchange; answers those that are new or changed.

        Who is enrolled in the course that they teach leaves their own to another instructor.
        """
        own = self.own_submissions(course, assignment) if self.course(course).enrolled else ()
        left_out = {submission.receipt.id for submission in own}
        kept = tuple(grade for grade in grades if grade.submission not in left_out)
        body = Grades(reason=reason, grades=kept).model_dump_json().encode()
        path = f"courses/{course}/assignments/{assignment}/grades"
        headers = {"Content-Type": "application/json"}
        return _CHANGES.validate_json(self._ask("PUT", path, io.BytesIO(body), headers).content)

    def recorded_grades(self, course: str, assignment: str = "") -> tuple[RecordedGrade, ...]:
        """The latest grade of each submission that has one; for instructors."""
        reply = self._ask("GET", f"courses/{course}/grades", params=_given(assignment=assignment))
        return _RECORDED.validate_json(reply.content)

    def flags(self, course: str, assignment: str = "") -> tuple[RaisedFlag, ...]:
        """What looked like tampering in a course's submissions; for instructors."""
        reply = self._ask("GET", f"courses/{course}/flags", params=_given(assignment=assignment))
        return _FLAGS.validate_json(reply.content)

    def decide(self, course: str, number: int, verdict: Verdict, reason: str) -> RaisedFlag:
        """Write down what you make of a flag."""
        body = Decision(verdict=verdict, reason=reason).model_dump_json().encode()
        headers = {"Content-Type": "application/json"}
        reply = self._ask("PUT", f"courses/{course}/flags/{number}", io.BytesIO(body), headers)
        return RaisedFlag.model_validate_json(reply.content)

    def export(self, course: str) -> str:
        """The grades of a course as CSV; the exchange writes down that they were taken away."""
        return self._ask("GET", f"courses/{course}/grades.csv").text

    def send_grades(self, course: str, assignment: str, wish: SendWish) -> SendReport:
        """Let the exchange send grades to the course's learning platform for a while."""
        body = io.BytesIO(wish.model_dump_json().encode())
        path = f"courses/{course}/assignments/{assignment}/grades/send"
        reply = self._ask("POST", path, body, {"Content-Type": "application/json"})
        return SendReport.model_validate_json(reply.content)

    def status(self, course: str) -> CourseStatus:
        """How far a class is; for instructors."""
        return CourseStatus.model_validate_json(self._ask("GET", f"courses/{course}/status").content)

    def learners(self, course: str, assignment: str = "") -> tuple[LearnerStatus, ...]:
        """Where each learner stands; for instructors."""
        wanted = _given(assignment=assignment)
        return _LEARNERS.validate_json(
            self._ask("GET", f"courses/{course}/status/learners", params=wanted).content
        )

    def learners_csv(self, course: str, assignment: str = "") -> str:
        """The same as CSV; the exchange writes down that it was taken away."""
        return self._ask("GET", f"courses/{course}/status.csv", params=_given(assignment=assignment)).text

    def receipt_key(self) -> bytes:
        """The public key of the exchange's receipts, in PEM."""
        return self._ask("GET", "receipt-key").content

    def _download(self, path: str, folder: Path) -> tuple[FileEntry, ...]:
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            file.write(self._ask("GET", path).content)
            file.flush()
            try:
                return unpack(Path(file.name), folder, self.limits)
            except (BadArchive, BadNotebook) as error:
                raise ExchangeProblem(f"What the exchange sent can't be used: {error}") from error

    def _upload(
        self,
        method: str,
        path: str,
        folder: Path,
        files: Iterable[Path],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> requests.Response:
        with _packed(folder, files, self.limits) as body:
            return self._ask(method, path, body, {"Content-Type": "application/zip", **headers})

    def _ask(
        self,
        method: str,
        path: str,
        body: BinaryIO | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        **more: Any,
    ) -> requests.Response:
        until = time.monotonic() + _LONGEST_SECONDS
        for pause in (*(_PATIENCE if method == "POST" else _PAUSES), None):
            last = pause is None or time.monotonic() > until
            try:
                reply = self._once(method, path, body, headers, **more)
                if reply.status_code not in _TRY_AGAIN or last:
                    return _accepted(reply)
            except requests.RequestException as error:
                if last:
                    raise ExchangeProblem(
                        f"The exchange can't be reached ({type(error).__name__}). Your files are still here; "
                        "try again in a few minutes, and tell your instructors if it goes on."
                    ) from error
            time.sleep(pause or 0)
        raise AssertionError("the last pause is None")

    def _once(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str], **more: Any
    ) -> requests.Response:
        if body is not None:
            body.seek(0)
        with requests.Session() as session:
            session.trust_env = False  # no proxy, and no .netrc that would replace the token
            session.mount("https://", _ToTheHub())
            return session.request(
                method,
                f"{self._url}/{path}",
                data=body,
                headers={**self._headers, **headers},
                timeout=(10, 120),
                allow_redirects=False,
                **more,
            )


class _ToTheHub(HTTPAdapter):
    """Believes what the notebook server believes: a hub may have a certificate of its own authority."""

    def init_poolmanager(self, *given: Any, **named: Any) -> None:
        """As ever, but for whom to believe."""
        super().init_poolmanager(*given, ssl_context=hub_context(), **named)


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
