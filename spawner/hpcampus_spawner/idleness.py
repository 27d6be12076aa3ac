"""When a server that nobody uses may be stopped."""

from datetime import datetime, timedelta

from hpcampus_spawner.scheduler import JobState, JobStatus

ENDS_ANYWAY = timedelta(minutes=15)
"""A job that is this near to its end frees its node soon enough, and its learner has been told when."""


def is_idle(status: JobStatus | None, used: datetime, now: datetime, limit: timedelta) -> bool:
    """Whether a server last used at that moment has been idle for longer than the limit.

    Never while its job waits, is paused, or nobody knows where it stands: then it can't be used at all.
    """
    if status is None or status.state is not JobState.RUNNING:
        return False
    if status.ends is not None and status.ends - now < ENDS_ANYWAY:
        return False
    return now - used > limit
