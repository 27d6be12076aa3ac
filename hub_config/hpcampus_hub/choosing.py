"""Where something could run: one answer a site, and which is suggested. Pure; `places` asks the sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hpcampus_spawner.availability import Seen
from hpcampus_spawner.offers import PartitionOffer
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.words import ago, day_and_time


@dataclass(frozen=True)
class Choice:
    """One site's answer: the request it would get, or why not, and what its scheduler says of the place."""

    site_id: str
    site: str
    request: JobRequest | None = None
    refusal: str = ""
    offer: PartitionOffer | None = None
    figures: str = ""
    """How old what follows is, in words."""
    known: bool = False
    """Whether there are figures, however old."""
    answers: bool = False
    """Whether they can be taken for those of now."""
    pending: int | None = None
    free: bool = False
    """Whether the figures have room for this job."""
    estimate: datetime | None = None
    """When the scheduler expects a job that has to wait to start."""

    @property
    def fits(self) -> bool:
        """Whether the site has what is needed at all."""
        return self.request is not None

    @property
    def free_now(self) -> str:
        """What anybody could have at once in the partition."""
        return free_in_words(self.offer)

    @property
    def starts(self) -> str:
        """When it would start."""
        if not self.answers:
            return "not known: the scheduler doesn't answer" if self.known else "not known"
        if self.free:
            return "at once"
        return f"about {day_and_time(self.estimate)} (it may move)" if self.estimate else "not known"


@dataclass(frozen=True)
class Suggestion:
    """The site that is chosen beforehand, and why, in a sentence."""

    site_id: str
    because: str


def suggest(choices: Sequence[Choice]) -> Suggestion | None:
    """The site that starts first; among equals fewer waiting jobs decide, and then the operator's order.

    A site that doesn't answer comes after all that do, whatever its last figures were.
    """
    fitting = [choice for choice in choices if choice.fits]
    if not fitting:
        return None
    best = min(fitting, key=_rank)
    return Suggestion(best.site_id, _because(best, fitting))


def _rank(choice: Choice) -> tuple[bool, int, datetime, int]:
    never = datetime.max.replace(tzinfo=UTC)
    when = 0 if choice.free else 1 if choice.estimate else 2
    starts = never if choice.free else choice.estimate or never
    return (not choice.answers, when, starts, choice.pending or 0)


def _because(best: Choice, fitting: Sequence[Choice]) -> str:
    if len(fitting) == 1:
        return f"{best.site} is the only one that has what this needs."
    if not best.answers:
        return f"{best.site} is first in the list: none of the schedulers answers just now."
    if best.free:
        others = any(choice.free and choice.answers for choice in fitting if choice is not best)
        return f"{best.site} has room now{', and the fewest jobs wait there' if others else ''}."
    if best.estimate:
        return f"{best.site} expects to start it first, {best.starts}."
    return f"Nobody knows when it would start. On {best.site} the fewest jobs wait."


def free_in_words(offer: PartitionOffer | None) -> str:
    """What is free in a partition, for a table."""
    if offer is None:
        return "not known"
    if not offer.open:
        return "closed"
    gpus = [f"{count} {gpu_in_words(name)}" for name, count in sorted(offer.free_gpus.items())]
    nodes = f"{offer.idle} of {offer.total} nodes idle"
    return ", ".join([nodes, f"{offer.free_cpus} CPUs", *gpus])


def figures_in_words(seen: Seen | None, now: datetime) -> str:
    """How old the figures are."""
    if seen is None:
        return "Its scheduler hasn't answered yet."
    away = "" if seen.problem is None else "Its scheduler doesn't answer. "
    return f"{away}Figures from {ago(seen.age(now))}."


def gpu_in_words(name: str) -> str:
    """`gpu:a100` as people call it."""
    kind, _, gpu_type = name.partition(":")
    word = "GPUs" if kind == "gpu" else "GPU shares"
    return f"{word} {gpu_type}" if gpu_type else word
