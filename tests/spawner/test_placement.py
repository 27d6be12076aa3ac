"""What a site answers when somebody may start something: reservations, sessions, maintenance."""

from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_spawner.admission import Admission
from hpcampus_spawner.allocation import Allocation
from hpcampus_spawner.availability import Seen
from hpcampus_spawner.needs import Needs
from hpcampus_spawner.offers import Offers, Reservation
from hpcampus_spawner.placement import place
from hpcampus_spawner.refusal import Refused
from hpcampus_spawner.request import JobRequest
from hpcampus_spawner.wishes import Wishes
from spawning import a_site

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def kept(starts: timedelta, ends: timedelta, **limits: object) -> Reservation:
    """A reservation called `class`, by how far its times are from now."""
    return Reservation("class", NOW + starts, NOW + ends, **limits)  # type: ignore[arg-type]


def placed(
    reservation: Reservation | None,
    *,
    wish: str | None = None,
    session: str | None = None,
    hours: int = 1,
    asked: bool = True,
) -> JobRequest:
    offers = Offers(reservations=(reservation,) if reservation else ())
    admission = Admission(
        needs=Needs(walltime_minutes=60 * hours),
        allocation=Allocation(account="p1"),
        wishes=Wishes(reservation=wish),
        session=session,
    )
    return place("ada", admission, a_site(), Seen(offers, taken=NOW) if asked else None, NOW)


OURS = kept(-HOUR, HOUR, accounts=("p1",))


def test_a_reservation_that_is_on_and_ours_is_used() -> None:
    assert placed(OURS, wish="class").reservation == "class"


@pytest.mark.parametrize(
    ("reservation", "sentence"),
    [
        (None, "has no reservation class"),
        (kept(-2 * HOUR, -HOUR), "ended at"),
        (kept(HOUR, 2 * HOUR), "begins at"),
        (kept(-HOUR, HOUR, users=("ben",)), "for other people or projects"),
        (kept(-HOUR, HOUR, accounts=("p2",)), "for other people or projects"),
        (kept(-HOUR, HOUR, flags=frozenset({"MAINT"})), "for other people or projects"),
    ],
)
def test_a_reservation_that_cannot_be_used_is_refused_in_words(
    reservation: Reservation | None, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as refused:
        placed(reservation, wish="class")
    assert refused.value.reason == "reservation"


def test_while_nobody_knows_the_reservations_the_scheduler_decides() -> None:
    assert placed(None, wish="class", asked=False).reservation == "class"
    old = Seen(Offers(), taken=NOW, problem="no answer")
    admission = Admission(Needs(), wishes=Wishes(reservation="class"))
    assert place("ada", admission, a_site(), old, NOW).reservation == "class"


def test_a_session_uses_its_reservation_where_the_site_has_it() -> None:
    request = placed(OURS, session="class")
    assert request.reservation == "class"
    assert "reservation class" in request.explanation[0]


@pytest.mark.parametrize(
    "reservation", [None, kept(HOUR, 2 * HOUR), kept(-2 * HOUR, -HOUR), kept(-HOUR, HOUR, users=("ben",))]
)
def test_a_session_starts_all_the_same_where_the_site_has_none_for_us(
    reservation: Reservation | None,
) -> None:
    assert placed(reservation, session="class").reservation is None


def test_a_session_whose_cluster_was_never_heard_of_starts_without() -> None:
    assert placed(None, session="class", asked=False).reservation is None


def test_a_job_that_would_outlive_its_reservation_gets_less_time() -> None:
    for how in ({"session": "class"}, {"wish": "class"}):
        request = placed(OURS, hours=2, **how)  # type: ignore[arg-type]
        assert request.walltime_minutes == 59
        assert "cut to 59 min" in request.explanation[-1]
    assert placed(kept(-HOUR, 3 * HOUR), session="class", hours=2).walltime_minutes == 120


def test_the_last_minutes_of_a_session_are_not_used() -> None:
    assert placed(kept(-HOUR, timedelta(minutes=5)), session="class").reservation is None


REPAIR = kept(2 * HOUR, 4 * HOUR, flags=frozenset({"MAINT"}))


def test_a_maintenance_that_would_cut_the_job_is_said() -> None:
    assert len(placed(REPAIR, hours=2).explanation) == 1
    said = placed(REPAIR, hours=3).explanation[-1]
    assert "Maintenance from" in said
    assert "less than 2 h" in said
    now = placed(kept(-HOUR, HOUR, flags=frozenset({"MAINT"}))).explanation[-1]
    assert "it lasts until" in now
