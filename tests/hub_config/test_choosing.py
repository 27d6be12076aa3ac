"""Which site is suggested, and why: a pure function of what the sites answered."""

from datetime import UTC, datetime, timedelta

import pytest
from hpcampus_hub.choosing import Choice, free_in_words, suggest
from hpcampus_spawner.offers import PartitionOffer, Room
from hpcampus_spawner.request import JobRequest
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
REQUEST = JobRequest(partition="cpu", cpus=1, memory_mib=1, walltime_minutes=10)


def free(name: str, *, pending: int | None = 0, answers: bool = True) -> Choice:
    """A site that has room."""
    return Choice(name, name.upper(), REQUEST, known=True, answers=answers, pending=pending, free=True)


def busy(name: str, estimate: datetime | None = None, *, pending: int = 0, answers: bool = True) -> Choice:
    """A site where the job would wait."""
    return Choice(
        name, name.upper(), REQUEST, known=True, answers=answers, pending=pending, estimate=estimate
    )


def unfit(name: str) -> Choice:
    return Choice(name, name.upper(), refusal="Nothing fits.")


@pytest.mark.parametrize(
    ("choices", "first", "because"),
    [
        ([free("a")], "a", "the only one"),
        ([unfit("a"), busy("b")], "b", "the only one"),
        ([busy("a", NOON), free("b")], "b", "has room now."),
        ([busy("a"), busy("b", NOON)], "b", "expects to start it first"),
        ([busy("a", NOON + timedelta(hours=1)), busy("b", NOON)], "b", "it may move"),
        ([free("a", pending=3), free("b", pending=1)], "b", "has room now, and the fewest jobs wait there"),
        ([busy("a", pending=3), busy("b", pending=1)], "b", "Nobody knows when it would start"),
        ([free("a", answers=False), busy("b")], "b", "Nobody knows when it would start"),
        ([free("a", answers=False), busy("b", NOON)], "b", "expects to start it first"),
        ([busy("a", answers=False), free("b", answers=False)], "b", "none of the schedulers answers"),
        ([free("a"), free("b")], "a", "A has room now"),
    ],
)
def test_what_starts_first_is_suggested_in_words(choices: list[Choice], first: str, because: str) -> None:
    suggestion = suggest(choices)
    assert suggestion is not None
    assert suggestion.site_id == first
    assert because in suggestion.because


@pytest.mark.parametrize("choices", [[], [unfit("a"), unfit("b")]])
def test_nothing_is_suggested_where_nothing_fits(choices: list[Choice]) -> None:
    assert suggest(choices) is None


some_choice = st.builds(
    Choice,
    site_id=st.sampled_from("abcdef"),
    site=st.just("A"),
    request=st.sampled_from([None, REQUEST]),
    known=st.booleans(),
    answers=st.booleans(),
    pending=st.none() | st.integers(0, 5),
    free=st.booleans(),
    estimate=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(st.lists(some_choice, unique_by=lambda choice: choice.site_id))
def test_never_one_that_is_away_before_one_that_answers_nor_a_wait_before_room(choices: list[Choice]) -> None:
    suggestion = suggest(choices)
    fitting = {choice.site_id: choice for choice in choices if choice.fits}
    if suggestion is None:
        assert not fitting
        return
    best = fitting[suggestion.site_id]
    answering = [choice for choice in fitting.values() if choice.answers]
    assert best.answers or not answering
    if best.answers and not best.free:
        assert not any(choice.free for choice in answering)
        assert best.estimate is None or best.estimate <= min(c.estimate for c in answering if c.estimate)
    assert suggestion.because


def test_when_it_starts_is_said_with_what_is_not_known() -> None:
    assert free("a").starts == "at once"
    assert "it may move" in busy("a", NOON).starts
    assert busy("a").starts == "not known"
    assert "doesn't answer" in free("a", answers=False).starts
    assert Choice("a", "A", REQUEST).starts == "not known"


def test_what_is_free_is_told_by_the_schedulers_names_for_gpus() -> None:
    gpus = {"gpu:a100": 3, "gpu:1g.10gb": 7, "shard": 4}
    offer = PartitionOffer(open=True, total=4, idle=2, rooms=(Room(nodes=2, cpus=8, gpus=gpus),))
    assert free_in_words(offer) == ("2 of 4 nodes idle, 16 CPUs, 14 GPUs 1g.10gb, 6 GPUs a100, 8 GPU shares")
    assert free_in_words(PartitionOffer(open=False)) == "closed"
    assert free_in_words(None) == "not known"
