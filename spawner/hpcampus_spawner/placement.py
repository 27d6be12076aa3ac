"""One site's answer to somebody who may start something: the request for a job, or why not."""

from dataclasses import replace
from datetime import datetime, timedelta

from hpcampus_spawner.admission import Admission
from hpcampus_spawner.availability import Seen
from hpcampus_spawner.matching import match
from hpcampus_spawner.offers import Offers, Reservation
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.site import Site
from hpcampus_spawner.words import day_and_time, duration

# A reservation that ends sooner is not worth starting in.
SHORTEST_MINUTES = 5


def place(learner: str, admission: Admission, site: Site, seen: Seen | None, now: datetime) -> JobRequest:
    """Match the needs with the site, and check reservations; raises `Refused`.

    Without an answer of the scheduler nothing is refused because of it: it decides when the job comes.
    """
    offers, wished = seen.offers if seen else None, admission.wishes.reservation
    request = match(admission.needs, site, admission.allocation, admission.wishes, offers)
    if wished is not None and seen is not None:
        _check_reservation(wished, learner, request, site, seen, now)
    name = wished or admission.session
    found = seen.offers.reservation(name) if name and seen else None
    if found is not None and (wished or _is_on(found, learner, request, now)):
        request = _inside(found, admission, site, offers, now)
    return _with_maintenance(request, seen, now)


def _inside(
    reservation: Reservation, admission: Admission, site: Site, offers: Offers | None, now: datetime
) -> JobRequest:
    """The request in that reservation. A job that could outlive it never starts: it gets less time."""
    needs, left = admission.needs, _minutes_left(reservation, now)
    wishes = replace(admission.wishes, reservation=reservation.name)
    if left is None or needs.walltime_minutes <= left:
        return match(needs, site, admission.allocation, wishes, offers)
    shorter = needs.model_copy(update={"walltime_minutes": max(1, left)})
    request = match(shorter, site, admission.allocation, wishes, offers)
    sentence = f"The time is cut to {duration(max(1, left))}, because the reservation ends then."
    return request.model_copy(update={"explanation": (*request.explanation, sentence)})


def _minutes_left(reservation: Reservation, now: datetime) -> int | None:
    """Whole minutes, less one for the way to the scheduler; None where it doesn't end."""
    return int((reservation.ends - now).total_seconds() // 60) - 1 if reservation.ends else None


def _is_on(reservation: Reservation, learner: str, request: JobRequest, now: datetime) -> bool:
    """Whether the site keeps these nodes just now, for long enough, and lets this job in."""
    left = _minutes_left(reservation, now)
    long_enough = left is None or left >= SHORTEST_MINUTES
    return reservation.active(now) and long_enough and reservation.admits(learner, request.account)


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
