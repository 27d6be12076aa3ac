"""Whether one more submission is accepted, and the sentence for when it isn't."""

from datetime import UTC, datetime

from hpcampus_courses import Assignment, Deadline, Standing

from hpcampus_grading.extensions import attempts_of, deadline_of
from hpcampus_grading.tables import ExtensionRow


class NotAccepted(Exception):
    """A submission that came too late, or once too often; the message says what the learner can do."""


class KeyReused(ValueError):
    """A request under the name of an earlier one, with other content."""

    def __init__(self) -> None:
        super().__init__(
            "A submission with this Idempotency-Key was received before, with other files. Use a new key."
        )


def admit(
    assignment: Assignment, extension: ExtensionRow | None, so_far: int, now: datetime
) -> tuple[Deadline | None, Standing | None]:
    """The deadline that holds, and how a submission of this moment stands; raises `NotAccepted`."""
    allowed = attempts_of(assignment, extension)
    if allowed is not None and so_far >= allowed:
        raise NotAccepted(
            f"You have submitted {assignment.slug} {so_far} times, and {allowed} are allowed. Nothing was "
            "stored. Your latest submission counts; ask your instructors if you need one more."
        )
    deadline = deadline_of(assignment, extension)
    if deadline is None:
        return None, None
    standing = deadline.standing(now)
    if standing is None:
        closes = deadline.closes or deadline.due
        raise NotAccepted(
            f"{assignment.slug} was accepted until {closes.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, and it is "
            f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC by the server's clock. Nothing was stored. What "
            "you submitted before counts; ask your instructors for an extension if you have a reason."
        )
    return deadline, standing
