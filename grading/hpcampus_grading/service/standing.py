"""Submissions as they stand by today's rules: a deadline may move, and an extension come later."""

from collections.abc import Sequence

from hpcampus_courses import Assignment

from hpcampus_grading.extensions import lateness_now
from hpcampus_grading.messages import Extension, Submission
from hpcampus_grading.service.access import Exchange


def by_todays_rules(exchange: Exchange, submissions: Sequence[Submission]) -> tuple[Submission, ...]:
    """The same submissions, with what their lateness is and costs now."""
    courses = sorted({submission.receipt.course for submission in submissions})
    extensions = exchange.extensions.current(courses) if courses else {}
    return tuple(
        _standing(exchange, submission, extensions.get(_place(submission))) for submission in submissions
    )


def _place(submission: Submission) -> tuple[str, str, str]:
    receipt = submission.receipt
    return receipt.course, receipt.assignment, receipt.learner


def _standing(exchange: Exchange, submission: Submission, extension: Extension | None) -> Submission:
    then = (submission.late_seconds, submission.percent_off)
    received_at = submission.receipt.received_at
    now = lateness_now(_assignment(exchange, submission), extension, received_at, then)
    if now == then:
        return submission
    late_seconds, percent_off = now
    return submission.model_copy(update={"late_seconds": late_seconds, "percent_off": percent_off})


def _assignment(exchange: Exchange, submission: Submission) -> Assignment | None:
    course = exchange.catalogue.courses.get(submission.receipt.course)
    if course is None:
        return None
    try:
        return course.assignment(submission.receipt.assignment)
    except LookupError:
        return None
