"""One site's answer to somebody who may start something: the request for a job, or why not."""

from dataclasses import replace
from datetime import datetime, timedelta

from hpcampus_spawner.admission import Admission
from hpcampus_spawner.availability import Seen
from hpcampus_spawner.matching import match
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Site
from hpcampus_spawner.words import day_and_time, duration


def place(learner: str, admission: Admission, site: Site, seen: Seen | None, now: datetime) -> JobRequest:
    """Match the needs with the site, and check reservations; raises `Refused`.

    Without an answer of the scheduler nothing is refused because of it: it decides when the job comes.
    """
    offers = seen.offers if seen else None
    wishes = admission.wishes
    request = match(admission.needs, site, admission.allocation, wishes, offers)
    if wishes.reservation is not None and seen is not None:
        _check_reservation(wishes.reservation, learner, request, site, seen, now)
    if wishes.reservation is None and _session_is_on(admission.session, learner, request, seen, now):
        wishes = replace(wishes, reservation=admission.session)
        request = match(admission.needs, site, admission.allocation, wishes, offers)
    return _with_maintenance(request, seen, now)


def _check_reservation(
    name: str, learner: str, request: JobRequest, site: Site, seen: Seen, now: datetime
) -> None:
    """Refuse a reservation that the scheduler is known not to let this job into."""
    found = seen.offers.reservation(name)
    if found is None:
        if seen.current(now):
            raise Refused("reservation", f"{site.name} has no reservation {name}. Start without one.")
        return
    if found.over(now) and found.ends:
        raise Refused(
            "reservation", f"The reservation {name} ended at {day_and_time(found.ends)}. Start without one."
        )
    if not found.active(now) and found.starts:
        raise Refused(
            "reservation",
            f"The reservation {name} begins at {day_and_time(found.starts)}. Start then, or without one.",
        )
    if not found.admits(learner, request.account):
        raise Refused(
            "reservation", f"The reservation {name} is for other people or projects. Start without one."
        )


def _session_is_on(
    name: str | None, learner: str, request: JobRequest, seen: Seen | None, now: datetime
) -> bool:
    """Whether the site keeps nodes for this session just now, and lets this job in."""
    found = seen.offers.reservation(name) if name and seen else None
    return found is not None and found.active(now) and found.admits(learner, request.account)


def _with_maintenance(request: JobRequest, seen: Seen | None, now: datetime) -> JobRequest:
    """Say it when a maintenance would keep the job from starting, because it would reach into it."""
    until = now + timedelta(minutes=request.walltime_minutes)
    found = seen.offers.maintenance(request.partition, until, now) if seen else None
    if found is None or found.starts is None:
        return request
    left = int((found.starts - now).total_seconds() // 60)
    if left > 0:
        advice = f"a job starts before it only if it asks for less than {duration(left)}"
    else:
        advice = f"it lasts until {day_and_time(found.ends)}" if found.ends else "nobody says for how long"
    sentence = f"Maintenance from {day_and_time(found.starts)} may concern these nodes: {advice}."
    return request.model_copy(update={"explanation": (*request.explanation, sentence)})
