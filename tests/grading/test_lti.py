"""Grades at a learning platform: by real requests, once each, and only what may be sent."""

from datetime import timedelta
from pathlib import Path

import pytest
from hpcampus_grading.audit import entries
from hpcampus_grading.auditing import audit_all
from hpcampus_grading.integrity import Integrity
from hpcampus_grading.lti.connection import PlatformAway
from hpcampus_grading.messages import Verdict
from hpcampus_grading.sandbox.report import Flag
from learning_platform import Reply
from sent_grades import Class, key, key_pem, more_environment, platform, settings, sums

VERDICTS: tuple[Verdict, ...] = ("dismissed", "upheld")
__all__ = ["key", "key_pem", "more_environment", "platform", "sums"]


def test_everybody_gets_their_score_once(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.grade("ben", 1.5)
    report = sums.send()
    assert [(entry.learner, entry.score) for entry in report.sent] == [("ada", 3), ("ben", 1.5)]
    assert sums.there() == {"u-ada": (3, "FullyGraded"), "u-ben": (1.5, "FullyGraded")}
    (item,) = sums.platform.items
    assert (item["label"], item["scoreMaximum"], item["resourceId"]) == ("Sums", 3, "sums/lesson1")
    again = sums.send()
    assert (again.sent, again.unchanged, len(sums.platform.taken), len(sums.platform.items)) == ((), 2, 2, 1)
    sums.grade("ben", 2)
    assert [entry.learner for entry in sums.send().sent] == ["ben"]
    assert sums.there()["u-ben"] == (2, "FullyGraded")
    assert sums.platform.refusals == []


def test_each_score_is_in_the_audit_log(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.send()
    with sums.database.reading() as session:
        sent = [entry.facts for entry in entries(session) if entry.action == "send"]
    assert sent[0] is not None
    assert {name: sent[0][name] for name in ("who", "learner", "score", "submission", "finished")} == {
        "who": "ines",
        "learner": "ada",
        "score": 3,
        "submission": sums.submissions["ada"],
        "finished": True,
    }
    assert audit_all(sums.database).problems == ()


def test_what_a_person_has_to_grade_waits_unless_asked_for(sums: Class) -> None:
    sums.grade("ada", 1, needs_person=True)
    sums.grade("ben", 2)
    report = sums.send()
    assert (report.need_person, sums.there()) == (("ada",), {"u-ben": (2, "FullyGraded")})
    assert [entry.finished for entry in sums.send(unfinished=True).sent] == [False]
    assert sums.there()["u-ada"] == (1, "PendingManual")
    sums.grade("ada", 1)  # the person agrees with the tests
    assert [entry.finished for entry in sums.send().sent] == [True]
    assert sums.there()["u-ada"] == (1, "FullyGraded")


def test_a_flag_holds_a_score_back_until_a_person_has_decided(sums: Class) -> None:
    signs = [Flag(notebook="lesson1", cell=cell, kind="canary", evidence="1 == 2") for cell in ("a", "b")]
    sums.grade("ada", 1, flags=signs)
    sums.grade("ben", 2)
    report = sums.send(unfinished=True)
    assert (report.flagged, sums.there()) == (("ada",), {"u-ben": (2, "FullyGraded")})
    integrity = Integrity(sums.database)
    for number, verdict in zip((flag.number for flag in integrity.raised("sums")), VERDICTS, strict=True):
        assert sums.send().flagged == ("ada",)
        integrity.decide("sums", number, verdict, "ines", "seen")
    assert [entry.learner for entry in sums.send().sent] == ["ada"]
    assert sums.there()["u-ada"] == (1, "FullyGraded")


def test_who_is_not_known_there_holds_up_nobody(sums: Class, key: Path) -> None:
    for learner in sums.submissions:
        sums.grade(learner, 3)
    lti = settings(sums.platform, key)
    key.with_name("people.csv").write_text("hub,lti\nada,u-nobody\ncleo,u-cleo\n")
    report = sums.send(lti=lti)
    assert (report.unknown, [entry.learner for entry in report.sent]) == (("ben",), ["cleo"])
    assert [(entry.learner, "nobody of that id" in entry.why) for entry in report.failed] == [("ada", True)]


def test_the_line_item_is_found_among_many(sums: Class) -> None:
    for number in range(5):
        item = f"{sums.platform.url}/lineitems/{number + 10}/lineitem?type_id=3"
        sums.platform.items.append({"id": item, "tag": "hpcampus", "resourceId": f"sums/lesson{number}"})
    sums.platform.items.append({"id": "x", "tag": "another tool's", "resourceId": "sums/lesson1"})
    sums.grade("ada", 3)
    sums.send()
    assert (len(sums.platform.items), list(sums.platform.scores)) == (6, [("11", "u-ada")])


def test_a_line_item_that_was_made_there_is_used(sums: Class, key: Path) -> None:
    made = f"{sums.platform.url}/lineitems/7/lineitem?type_id=3"
    sums.grade("ada", 3)
    sums.send(lti=settings(sums.platform, key, items={"lesson1": made}))
    assert (sums.platform.items, list(sums.platform.scores)) == ([], [("7", "u-ada")])


def test_a_busy_platform_is_waited_for_as_it_wishes(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.send()
    sums.grade("ada", 2)
    sums.platform.faults += [Reply(503), Reply(429, headers={"Retry-After": "7"})]
    assert (len(sums.send().sent), sums.pauses) == (1, [1, 7])


def test_who_is_to_wait_long_tries_later(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.platform.faults.append(Reply(429, headers={"Retry-After": "3600"}))
    with pytest.raises(PlatformAway, match="429"):
        sums.send()
    assert (sums.pauses, sums.there()) == ([], {})


def test_a_lost_answer_makes_no_second_line_item_and_no_second_score(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.platform.faults.append(Reply(0, cut=True))
    assert len(sums.send().sent) == 1
    sums.grade("ada", 2)
    sums.platform.faults.append(Reply(0, cut=True))
    assert [(entry.learner, entry.score) for entry in sums.send().sent] == [("ada", 2)]
    assert (len(sums.platform.items), len(sums.platform.taken)) == (1, 2)


def test_what_was_changed_there_later_is_left(sums: Class) -> None:
    sums.grade("ada", 3)
    sums.send()
    sums.grade("ada", 2)
    for score in sums.platform.scores.values():
        score["timestamp"] = (sums.now + timedelta(days=1)).isoformat(timespec="milliseconds")
    (refused,) = sums.send().failed
    assert "given there later" in refused.why
    assert sums.there() == {"u-ada": (3, "FullyGraded")}


def test_many_are_sent_bit_by_bit(sums: Class) -> None:
    for learner in sums.submissions:
        sums.grade(learner, 3)
    reached: str | None = ""
    steps = []
    while reached is not None:
        report = sums.send(seconds=0, after=reached)
        steps.append([entry.learner for entry in report.sent])
        reached = report.reached
    assert steps == [["ada"], ["ben"], ["cleo"]]
