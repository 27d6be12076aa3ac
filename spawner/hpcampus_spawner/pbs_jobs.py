"""What PBS Pro's `qstat -f -F json` says of jobs.

An answer that isn't wholly JSON, or says a thing twice, means nothing: some versions of PBS don't escape what
users put into their jobs' variables, so that one could forge another job with them.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hpcampus_spawner.scheduler import JobState, JobStatus, SchedulerError

Attributes = Mapping[str, Any]

# PBS's letters, its name for each, and what they mean for the notebook server in the job. A job that moved to
# another server is out of sight, but alive.
STATES = {
    "Q": ("QUEUED", JobState.PENDING),
    "H": ("HELD", JobState.PENDING),
    "W": ("WAITING", JobState.PENDING),
    "T": ("TRANSITING", JobState.PENDING),
    "R": ("RUNNING", JobState.RUNNING),
    "B": ("BEGUN", JobState.RUNNING),
    "E": ("EXITING", JobState.ENDING),
    "S": ("SUSPENDED", JobState.PAUSED),
    "U": ("SUSPENDED", JobState.PAUSED),
    "M": ("MOVED", JobState.PAUSED),
    "F": ("FINISHED", JobState.GONE),
    "X": ("EXPIRED", JobState.GONE),
}
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+)")
_HOST = re.compile(r"\(?([A-Za-z0-9][A-Za-z0-9._-]*)")


def read_answer(text: str, section: str) -> Mapping[str, Attributes]:
    """One section of an answer in JSON, such as "Jobs", which PBS leaves out when there are none.

    Raises `SchedulerError`.
    """
    try:
        # Line ends within a text are a known slip of PBS, and do no harm.
        answer = json.loads(text, object_pairs_hook=_once, strict=False)
    except ValueError as error:
        raise SchedulerError(f"PBS's answer is no JSON that can be believed: {error}") from None
    if not isinstance(answer, dict) or "pbs_server" not in answer:
        raise SchedulerError(f"PBS's answer names no server: {text[:200]!r}")
    found = answer.get(section, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise SchedulerError(f"PBS's answer has no {section} that can be read: {text[:200]!r}")
    return found


def parse_jobs(text: str) -> dict[str, JobStatus]:
    """Read the answer of the one query for all jobs; raises `SchedulerError` when it can't be believed."""
    jobs = read_answer(text, "Jobs")
    places = _places(jobs)
    return {job_id: _status(job_id, job, places.get(job_id)) for job_id, job in jobs.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has one key twice")
    return found


def _status(job_id: str, job: Attributes, place: int | None) -> JobStatus:
    letter = job.get("job_state")
    if not isinstance(letter, str) or not letter:
        raise SchedulerError(f"PBS doesn't say in which state job {job_id} is")
    # A state of a newer PBS that isn't known here must never end a server.
    word, state = STATES.get(letter, (letter, JobState.PAUSED))
    waits = state is JobState.PENDING
    return JobStatus(
        job_id=job_id,
        state=state,
        word=word,
        reason=_text(job, "comment") if waits else "",
        node="" if waits else _node(job),
        place=place,
        starts=_time(_part(job, "estimated").get("start_time")) if waits else None,
        started=None if waits else _time(job.get("stime")),
        ends=None if waits else _ends(job),
    )


def _places(jobs: Mapping[str, Attributes]) -> dict[str, int]:
    """Each waiting job's place in its queue, in order of arrival: PBS doesn't publish its own order."""
    queues: dict[str, list[tuple[int, str]]] = {}
    for job_id, job in jobs.items():
        if job.get("job_state") == "Q":
            number = re.match(r"\d+", job_id)
            queues.setdefault(_text(job, "queue"), []).append((int(number[0]) if number else 0, job_id))
    return {
        job_id: place for queue in queues.values() for place, (_, job_id) in enumerate(sorted(queue), start=1)
    }


def _node(job: Attributes) -> str:
    """The first host: `n1/0*8+n2/0` or, before it is there, the first part of `(n1:ncpus=8)`."""
    found = _HOST.match(_text(job, "exec_host") or _text(job, "exec_vnode"))
    return found[1] if found else ""


def _ends(job: Attributes) -> datetime | None:
    began, length = _time(job.get("stime")), _length(_part(job, "Resource_List").get("walltime"))
    try:
        return began + length if began and length else None
    except OverflowError:
        return None


def _length(value: object) -> timedelta | None:
    """[[hours:]minutes:]seconds."""
    found = _CLOCK.fullmatch(str(value))
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def _time(value: object) -> datetime | None:
    """Seconds since 1970, or UTC as `Tue Apr 21 10:25:44 2020`, whichever this PBS prints."""
    try:
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC) if value > 0 else None
        return datetime.strptime(str(value), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(job: Attributes, name: str) -> str:
    """An attribute as text: PBS writes what looks like a number without quotes."""
    value = job.get(name, "")
    return "" if isinstance(value, dict | list) else str(value)


def _part(job: Attributes, name: str) -> Attributes:
    found = job.get(name)
    return found if isinstance(found, dict) else {}
