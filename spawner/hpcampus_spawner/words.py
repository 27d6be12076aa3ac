"""What a waiting or disappointed learner reads: sentences for the scheduler's words."""

from datetime import UTC, datetime, timedelta
from html import escape

from hpcampus_spawner.reasons import reason_in_words
from hpcampus_spawner.scheduler import Ending, JobState, JobStatus

ENDINGS = {
    "OUT_OF_MEMORY": "Your job used more memory than it had asked for. Ask for more, or use less.",
    "TIMEOUT": "Your job's time was over.",
    "NODE_FAIL": "The node that your job ran on failed. Start again: it will get another one.",
    "PREEMPTED": "A job with higher priority took the place of yours. Start again.",
    "CANCELLED": "The job was cancelled.",
    "DEADLINE": "The job could not start before its deadline.",
    "BOOT_FAIL": "The node that your job got did not boot. Start again: it will get another one.",
    "LAUNCH_FAILED": "The job could not be started on its node.",
    "COMPLETED": "The job ended before a notebook server came up.",
    "FAILED": "The job failed before a notebook server came up.",
    "FORGOTTEN": "The scheduler no longer knows this job.",
}


SUBMITTED = "The scheduler has your job: its number is {}."
FOUND_AGAIN = "The hub was restarted, and has found your job again."
ANSWERS = "The notebook server answers."
STOPPED = "It was stopped."


def turn_in_words(place: int) -> str:
    """What a learner reads whose job isn't the scheduler's yet, because a class starts at once."""
    return f"Many people are starting just now. Yours is number {place} to be handed to the scheduler."


def state_in_words(
    job: JobStatus | None, problem: str | None, taken: datetime | None, *, loaded: bool = False
) -> str:
    """One sentence on where a server's job stands; `loaded`: it has reported, so its environment is there."""
    if problem is not None:
        known = f" What you see is from {_clock(taken)}." if taken else ""
        return f"The scheduler doesn't answer just now; your place is not lost.{known}"
    return _job_in_words(job, loaded) if job else "Your job was handed to the scheduler."


def _job_in_words(job: JobStatus, loaded: bool) -> str:
    if job.word == "CONFIGURING":
        return f"Your job gets {job.node or 'a node'}, which is being made ready."
    if job.state is JobState.PENDING:
        return f"Waiting in the queue. {reason_in_words(job.reason)}".strip()
    if job.state is JobState.PAUSED:
        return f"Your job is paused ({job.word.lower()}). It goes on when the scheduler lets it."
    if job.state is JobState.RUNNING:
        doing = "The notebook server is starting." if loaded else "Its environment is being loaded."
        return f"Your job runs on {job.node}. {doing}"
    return "Your job is ending."


def ending_in_words(ending: Ending, fallback: str) -> str:
    """Why a job ended, with its exit code where one tells more."""
    word = ending.word or fallback
    sentence = ENDINGS.get(word, f"The job ended ({word.lower() or 'nobody knows why'}).")
    return f"{sentence} Its exit code was {ending.exit_code}." if ending.exit_code else sentence


def ending_as_html(sentence: str, ending: Ending) -> str:
    """The same with the end of the log; a job may write anything, so all of it is escaped."""
    tail = "\n".join(ending.log.strip().splitlines()[-20:])
    log = f"<p>The end of its log:</p><pre>{escape(tail)}</pre>" if tail else ""
    return f"<p>{escape(sentence)}</p>{log}"


def _clock(moment: datetime | None) -> str:
    return (moment or datetime.now(UTC)).astimezone().strftime("%H:%M:%S")


def day_and_time(moment: datetime) -> str:
    """A moment in the hub's own zone, which is named."""
    return moment.astimezone().strftime("%d %B %H:%M %Z").lstrip("0").strip()


def duration(minutes: int) -> str:
    """So many minutes, in hours where that reads better."""
    return f"{minutes / 60:g} h" if minutes % 6 == 0 else f"{minutes} min"


def ago(age: timedelta) -> str:
    """How long ago something was."""
    seconds = int(age.total_seconds())
    if seconds < 90:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 5400 else f"{seconds // 3600} h ago"
