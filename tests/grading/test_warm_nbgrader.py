"""Gradebooks that stay open: steps read what others wrote, write together, and then all is as before."""

from pathlib import Path
from typing import Any

import pytest
from hpcampus_grading.gradebook import find_programs
from hpcampus_grading.warm_nbgrader import warm_nbgrader
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook
from nbgrader.nbgraderformat import MetadataValidator, ValidationError
from nbgrader.preprocessors import latesubmissions, saveautogrades


def test_what_others_write_is_seen_and_all_is_closed(tmp_path: Path) -> None:
    url = _gradebook_with_ada(tmp_path)
    with warm_nbgrader():
        with saveautogrades.Gradebook(url, "c") as first:
            assert first.find_student("ada").first_name == "Ada"
        with Gradebook(url, "c") as other:
            other.update_or_create_student("ada", first_name="Augusta")
        with saveautogrades.Gradebook(url, "c") as second:
            assert second is first
            assert second.find_student("ada").first_name == "Augusta"
    assert saveautogrades.Gradebook is Gradebook
    assert first.engine.pool.checkedout() == 0


def test_steps_of_one_submission_reach_the_disk_together(tmp_path: Path) -> None:
    url = _gradebook_with_ada(tmp_path)
    with warm_nbgrader():
        with saveautogrades.Gradebook(url, "c") as step:
            step.add_student("grace")
        with latesubmissions.Gradebook(url) as next_step:  # nbgrader names no course here
            assert next_step.find_student("grace")
        assert _students(url) == ["ada"]
    assert _students(url) == ["ada", "grace"]


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    url = _gradebook_with_ada(tmp_path)
    with warm_nbgrader():
        with pytest.raises(RuntimeError):
            _add_and_fail(url, "grace")
        with latesubmissions.Gradebook(url) as after:
            after.add_student("mary")
    assert _students(url) == ["ada", "mary"]


def test_wrong_metadata_is_refused_each_time() -> None:
    find_programs()
    right = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False}
    make: Any = new_code_cell
    cells = [make(metadata={"nbgrader": {**right, "grade_id": name}}) for name in ("a", 3, 3)]
    with warm_nbgrader():
        MetadataValidator().validate_cell(cells[0])
        for cell in cells[1:]:
            with pytest.raises(ValidationError):
                MetadataValidator().validate_cell(cell)


def _gradebook_with_ada(folder: Path) -> str:
    find_programs()
    url = f"sqlite:///{folder}/gradebook.db"
    with Gradebook(url, "c") as gradebook:
        gradebook.add_student("ada", first_name="Ada")
    return url


def _add_and_fail(url: str, learner: str) -> None:
    with saveautogrades.Gradebook(url, "c") as step:
        step.add_student(learner)
        raise RuntimeError


def _students(url: str) -> list[str]:
    """Who is in the gradebook, for those who open it anew."""
    with Gradebook(url, "c") as gradebook:
        return sorted(student.id for student in gradebook.students)
