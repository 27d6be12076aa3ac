"""The server's clock: the only one that counts."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def in_utc(moment: datetime) -> datetime:
    """The same moment, written the one way that signatures rely on."""
    return moment.astimezone(UTC)
