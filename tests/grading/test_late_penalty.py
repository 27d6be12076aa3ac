"""What nbgrader takes off for lateness is what the exchange said."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hpcampus_grading.exchange.instructor import STANDING
from hpcampus_grading.messages import Receipt, Submission
from hpcampus_grading.nbgrader_settings import configure
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config


@pytest.fixture
def plugin(tmp_path: Path) -> Any:
    """As nbgrader makes it from our settings, in the course folder of this test."""
    config = Config()
    configure(config, {}, tmp_path)
    config.CourseDirectory.root = str(tmp_path)
    preprocessor = AssignLatePenalties(config=config)
    preprocessor.assignment_id = "lesson1"
    preprocessor.init_plugin()
    return preprocessor.plugin_inst


def collected(folder: Path, percent: float | None) -> None:
    receipt = Receipt(
        id="0" * 32,
        course="sums",
        assignment="lesson1",
        learner="ada",
        received_at=datetime.now(UTC),
        sha256="0" * 64,
        size=1,
        files=(),
    )
    path = folder / "submitted" / "ada" / "lesson1" / STANDING
    path.parent.mkdir(parents=True)
    path.write_text(Submission(receipt=receipt, late_seconds=60, percent_off=percent).model_dump_json())


@pytest.mark.parametrize(("percent", "penalty"), [(25.0, 2.0), (100.0, 8.0), (0.0, None), (None, None)])
def test_it_takes_off_the_percentage(
    plugin: Any, tmp_path: Path, percent: float | None, penalty: float | None
) -> None:
    collected(tmp_path, percent)
    assert plugin.late_submission_penalty("ada", 8.0, 60.0) == penalty


def test_without_the_exchanges_word_nbgraders_own_rule_holds(plugin: Any) -> None:
    assert plugin.late_submission_penalty("ada", 8.0, 60.0) is None
    plugin.penalty_method = "zero"
    assert plugin.late_submission_penalty("ada", 8.0, 60.0) == 8.0
