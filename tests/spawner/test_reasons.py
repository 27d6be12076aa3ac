"""Why a job waits: every word that a scheduler may give has a sentence."""

from pathlib import Path

import pytest
from hpcampus_spawner.reasons import (
    AWAY,
    BEGIN,
    CLOSED,
    DEPENDENCY,
    EVERYBODYS_SHARE,
    FULL_OF_JOBS,
    HELD,
    HELD_BY_ADMINS,
    LAUNCH,
    MAINTENANCE,
    NEVER,
    NEXT,
    OTHERS_FIRST,
    PROJECTS_JOBS,
    PROJECTS_SHARE,
    RESERVATION,
    TIME_USED_UP,
    TOO_BIG,
    TOO_SMALL,
    YOUR_JOBS,
    YOUR_SHARE,
    reason_in_words,
)

# What Slurm 22.05 may say of a job that waits.
SLURM = Path(__file__).with_name("recorded").joinpath("reasons.txt").read_text().split()


@pytest.mark.parametrize("word", SLURM)
def test_each_of_slurms_words_has_a_sentence(word: str) -> None:
    sentence = reason_in_words(word)
    assert word not in sentence
    assert sentence.endswith((".", "?"))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Resources", NEXT),
        ("Priority", OTHERS_FIRST),
        ("Dependency", DEPENDENCY),
        ("BeginTime", BEGIN),
        ("Reservation", RESERVATION),
        ("JobHeldUser", HELD),
        ("JobHeldAdmin", HELD_BY_ADMINS),
        ("ReqNodeNotAvail, UnavailableNodes:n1", AWAY),
        ("ReqNodeNotAvail, Reserved for maintenance", MAINTENANCE),
        ("ReqNodeNotAvail, May be reserved for other job", OTHERS_FIRST),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
            OTHERS_FIRST,
        ),
        ("QOSMaxJobsPerUserLimit", YOUR_JOBS),
        ("QOSMaxGRESPerUser", YOUR_SHARE),
        ("QOSMaxGRESPerJob", TOO_BIG),
        ("QOSMinGRES", TOO_SMALL),
        ("QOSGrpGRES", EVERYBODYS_SHARE),
        ("QOSGrpGRESMinutes", TIME_USED_UP),
        ("AssocMaxJobsLimit", YOUR_JOBS),
        ("AssocGrpJobsLimit", PROJECTS_JOBS),
        ("AssocGrpBilling", PROJECTS_SHARE),
        ("AssocGrpBillingMinutes", TIME_USED_UP),
        ("AssocGrpBillingRunMinutes", PROJECTS_SHARE),
        ("launch failed requeued held", LAUNCH),
    ],
)
def test_what_slurm_says(reason: str, said: str) -> None:
    assert reason_in_words(reason) == said


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("Not Running: Insufficient amount of resource: ncpus (R: 2 A: 0 T: 64)", NEXT),
        ("Not Running: Not enough free nodes available", NEXT),
        ("Not Running: Job would conflict with reservation or top job", OTHERS_FIRST),
        ("Not Running: Draining system to allow starving job to run", OTHERS_FIRST),
        ("Not Running: User has reached queue single running job limit.", YOUR_JOBS),
        ("Not Running: Queue single per-user limit reached on resource ncpus", YOUR_JOBS),
        ("Not Running: Server job limit reached.", FULL_OF_JOBS),
        ("Not Running: Job would cross dedicated time boundary", MAINTENANCE),
        ("Not Running: Queue not started.", CLOSED),
        ("Can Never Run: Insufficient amount of resource: ngpus (R: 9 A: 4 T: 4)", NEVER),
        ("Job held by ada on Wed Jan  2 03:00:00 2030", HELD),
    ],
)
def test_what_pbs_says(comment: str, said: str) -> None:
    assert reason_in_words(comment) == said


def test_a_word_that_nobody_foresaw_is_shown() -> None:
    assert reason_in_words("SomethingNew, and more") == "The scheduler's reason: SomethingNew."
    assert reason_in_words("") == ""
