"""What a receipt says, in sentences."""

from collections.abc import Iterator
from datetime import datetime

from hpcampus_grading.messages import Receipt


def moment(when: datetime) -> str:
    """A moment in the time zone of whoever reads it here (`TZ` or the machine's), which is named."""
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def in_words(receipt: Receipt, whose: str = "you") -> Iterator[str]:
    """When it was received, and what that means."""
    which = f"{receipt.assignment} of {receipt.course}"
    yield f"Submitted {which} at {moment(receipt.received_at)}: submission {receipt.attempt} by {whose}."
    if receipt.due is None:
        return
    if not receipt.late_seconds:
        yield f"That is in time: it was due at {moment(receipt.due)}."
        return
    late, due = _length(receipt.late_seconds), moment(receipt.due)
    cost = f"{receipt.percent_off:g} % of its points" if receipt.percent_off else "nothing"
    yield f"That is {late} late, which costs {cost}: it was due at {due}."


def _length(seconds: int) -> str:
    days, rest = divmod(seconds, 24 * 3600)
    hours, minutes = divmod(rest // 60, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or f"{seconds} s"
