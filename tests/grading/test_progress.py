"""What an instructor's terminal shows while a class is graded."""

import io
import itertools
import re
import time

import pytest
from hpcampus_grading.commands.crew import Bar


class Terminal(io.StringIO):
    """Keeps what was shown."""

    def isatty(self) -> bool:
        """It says that somebody looks."""
        return True


def test_how_far_it_is_and_when_it_will_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, seconds = Terminal(), itertools.count(1_000_000_000, 2)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(time, "time", lambda: float(next(seconds)))
    bar = Bar()
    for done in range(5):
        bar(done, 4)
    shown = re.split(r"[\r\n]", terminal.getvalue())
    assert any(re.search(r"Grading.* 2/4 .*until \d\d:\d\d:\d\d", line) for line in shown), shown
    assert any("4/4" in line for line in shown)


def test_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    for done in range(3):
        bar(done, 2)
    assert "%" not in capsys.readouterr().err
