"""Signs of tampering are kept with the submission, shown to instructors, and decided on by a person, once."""

from pathlib import Path
from typing import Any

import pytest
from hpcampus_grading.recording import flags_of
from hpcampus_grading.sandbox.report import SUFFIX, Flag, Report

from tests.grading.conftest import Service, StubHub
from tests.grading.test_grades import GRADES, grade
from tests.grading.test_service import SUBMIT, answer

FLAGS = "courses/sums/flags"
SIGN = {"notebook": "lesson1", "cell": "total-test", "kind": "canary", "evidence": "assert 3 == 4"}


@pytest.fixture
def ines(hub: StubHub) -> str:
    return hub.add("ines", "sums-instructors")


@pytest.fixture
def flagged(service: Service, hub: StubHub, ines: str) -> dict[str, Any]:
    """The flag of a submission by ada, as it is shown to instructors."""
    identifier = service.request("POST", SUBMIT, hub.add("ada", "sums"), data=answer()).json()["id"]
    for evidence in ("assert 3 == 4", "assert 5 == 6"):  # graded twice: one thing was seen
        body = {"reason": "graded", "grades": [grade(identifier, 0, flags=[{**SIGN, "evidence": evidence}])]}
        assert service.request("PUT", GRADES, ines, json=body).ok
    (flag,) = service.request("GET", FLAGS, ines).json()
    return dict(flag)


def test_a_flag_is_shown_with_its_evidence(service: Service, flagged: dict[str, Any], ines: str) -> None:
    assert {**flagged, **SIGN} == flagged
    assert (flagged["learner"], flagged["verdict"]) == ("ada", None)
    assert service.request("GET", f"{FLAGS}?assignment=lesson2", ines).json() == []


def test_learners_neither_see_nor_decide(service: Service, hub: StubHub, flagged: dict[str, Any]) -> None:
    ben, number = hub.add("ben", "sums"), flagged["number"]
    body = {"verdict": "dismissed", "reason": "please"}
    assert service.request("GET", FLAGS, ben).status_code == 403
    assert service.request("PUT", f"{FLAGS}/{number}", ben, json=body).status_code == 403


def test_a_person_decides_once(service: Service, flagged: dict[str, Any], ines: str) -> None:
    where = f"{FLAGS}/{flagged['number']}"
    body = {"verdict": "dismissed", "reason": "a course about the interpreter"}
    decided = service.request("PUT", where, ines, json=body).json()
    assert (decided["verdict"], decided["decided_by"]) == ("dismissed", "ines")
    assert service.request("PUT", where, ines, json={**body, "verdict": "upheld"}).status_code == 404
    assert service.request("GET", FLAGS, ines).json() == [decided]
    lines = service.request("GET", "courses/sums/audit", ines).json()
    facts = [line["facts"] for line in lines if line["action"] == "integrity"]
    assert [(fact["who"], fact["why"], fact["learner"]) for fact in facts] == [
        ("ines", body["reason"], "ada")
    ]


def test_what_the_sandbox_reported_is_read_from_beside_the_notebook(tmp_path: Path) -> None:
    report = Report(flags=(Flag.model_validate(SIGN),))
    (tmp_path / f"lesson1{SUFFIX}").write_text(report.model_dump_json())
    (tmp_path / f"lesson2{SUFFIX}").write_text('{"flags": "none of mine"}')
    assert flags_of(tmp_path) == report.flags
