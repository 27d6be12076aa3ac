"""Whoever learns in the course that they teach decides nothing about their own work."""


class OwnWork(RuntimeError):
    """An instructor, enrolled in the same course, would decide about themselves; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "You are enrolled in this course, and this is about your own work: "
            "another instructor has to do it."
        )


def refuse_own(instructor: str, learner: str, *, enrolled: bool) -> None:
    """Raise `OwnWork` where the instructor is the learner; who isn't enrolled may try out what they like."""
    if enrolled and instructor == learner:
        raise OwnWork
