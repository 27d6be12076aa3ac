"""Lessons that the hub releases when it starts."""

from pathlib import Path

import pytest
import yaml
from hpcampus_grading.database import open_database
from hpcampus_grading.ledger import Ledger
from hpcampus_grading.store import Store
from hpcampus_hub.lessons import release_all
from hpcampus_hub.settings import Settings

from tests.grading.conftest import courses

__all__ = ["courses"]


def test_one_that_can_not_be_released_keeps_no_other_back(
    courses: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (courses / "sums/source/lesson1/lesson1.ipynb").write_text("not a notebook")
    people = tmp_path / "campus.yaml"
    people.write_text(yaml.safe_dump({"researchers": "researchers", "demo": {}}))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    settings = Settings(state=state, site_ids=("local",), courses=courses, campus=people)
    release_all(settings)
    assert "sums/lesson1 was not released" in capsys.readouterr().err
    database = open_database(settings.database_url("exchange"))
    ledger = Ledger(database, Store(state / "store"))
    found = [ledger.released("sums", lesson) is not None for lesson in ("lesson1", "lesson2")]
    database.close()
    assert found == [False, True]
