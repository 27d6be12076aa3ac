"""The table of how long each twin took to come up."""

import pytest
from browser_fixtures import screenshot
from twin_times import UP

__all__ = ["screenshot"]


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(UP, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if taken := config.stash.get(UP, {}):
        terminalreporter.section("twins: seconds until jobs can be sent")
        for site_id, seconds in taken.items():
            terminalreporter.line(f"{site_id:<14}{seconds:6.1f}")
